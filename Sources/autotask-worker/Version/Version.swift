import AMQP
import ArgumentParser
import CRevision
import Contract
import HTTP
import SQLiteStore
import TLS

/// The version of the program, and of what it is built and linked with.
struct Version: CommandOutput {
    static let number = "0.1.0"

    /// The revision of the sources: a commit's id, with `+` if files differed from it. `nil` if it is not known.
    let revision: String?
    /// The compiler's version.
    let swift: String
    /// The linked libraries with the versions that they report when the program runs.
    let libraries: [(name: String, member: String, version: String)]

    /// The running program's.
    init() {
        let revision = String(cString: CRevision_text())
        self.revision = revision.isEmpty ? nil : revision
        swift = Version.compiler
        libraries = [
            ("librabbitmq", "librabbitmq", LibRabbitMQ.version), ("libcurl", "libcurl", LibCurl.version),
            ("TLS of libcurl", "libcurlTLS", LibCurl.tls ?? "none"), ("SQLite", "sqlite", SQLite.version),
            ("OpenSSL", "openssl", OpenSSL.version),
        ]
    }

    var lines: [String] {
        ["autotask-worker \(Version.number)" + (revision.map { " (\($0))" } ?? ""), "Swift \(swift)"]
            + libraries.map { "\($0.name) \($0.version)" }
    }

    var json: JSON {
        var versions = JSONObject()
        for library in libraries { versions[library.member] = .string(library.version) }
        return .members(["version": Version.number, "revision": revision, "swift": swift, "libraries": versions])
    }

    /// The labels of the metric `autotask_worker_build_info`.
    var labels: [String: String] {
        var labels = ["version": Version.number, "revision": revision ?? "unknown", "swift": swift]
        for library in libraries { labels[library.member == "libcurlTLS" ? "libcurl_tls" : library.member] = library.version }
        return labels
    }

    private static var compiler: String {
        #if compiler(>=6.5)
            "6.5 or newer"
        #elseif compiler(>=6.4)
            "6.4"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }
}

extension Version {
    /// The form in which `--version` prints, if the arguments request it and hold nothing else.
    static func requested(_ arguments: [String]) -> FormatOptions? {
        guard arguments.contains("--version") else { return nil }
        return try? FormatOptions.parse(arguments.filter { $0 != "--version" })
    }
}
