import Contract
import Testing

@testable import autotask_worker

/// `--version`: what runs here.
struct VersionTests {
    @Test("Each library reports a version, and libcurl's TLS is the OpenSSL that is linked")
    func libraries() throws {
        let version = Version()
        let versions = try #require(version.json["libraries"]?.object)
        #expect(versions.members.map(\.name) == ["librabbitmq", "libcurl", "libcurlTLS", "sqlite", "openssl"])
        for member in versions.members { #expect(member.value.string?.contains(/[0-9]+\.[0-9]+/) == true, "\(member.name)") }
        #expect(versions["libcurlTLS"]?.string == "OpenSSL/\(versions["openssl"]?.string ?? "")")
    }

    @Test("The text has a line for the program, for Swift and for each library")
    func text() {
        let version = Version()
        #expect(version.lines.count == 2 + version.libraries.count)
        #expect(version.lines[0].hasPrefix("autotask-worker \(Version.number)"))
        #expect(version.lines[1].hasPrefix("Swift 6."))
        #expect(version.lines.contains("SQLite \(version.json["libraries"]?["sqlite"]?.string ?? "?")"))
    }

    @Test(
        "--version alone, or with a form of output, prints all of it",
        arguments: [
            (["--version"], OutputFormat.text), (["--version", "--json"], .json), (["--output", "json", "--version"], .json),
            (["tenant", "--version"], nil), (["--json"], nil), (["--version", "--output", "xml"], nil),
        ]
    )
    func requests(arguments: [String], format: OutputFormat?) {
        #expect(Version.requested(arguments)?.format == format)
    }
}
