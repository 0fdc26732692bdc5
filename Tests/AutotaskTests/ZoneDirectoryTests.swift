import Contract
import HTTP
import Testing

@testable import Autotask

@Suite("Zones")
struct ZoneDirectoryTests {
    private func directory(_ transport: ScriptedTransport) -> ZoneDirectory {
        ZoneDirectory(transport: transport, lookupURL: "https://webservices.autotask.net/atservicesrest")
    }

    @Test("A known user has a zone and a database")
    func known() async throws {
        let transport = ScriptedTransport([.fixture("zone-known-user.200.json")])
        let found = try await directory(transport).zone(forUserOf: .test(username: "api@demo.example"))
        #expect(found == DiscoveredZone(zone: .test, databaseID: 123_456))
    }

    @Test("The look-up carries no secret and no tracking identifier, and is pinned to V1.0")
    func request() async throws {
        let transport = ScriptedTransport([.fixture("zone-known-user.200.json")])
        _ = try await directory(transport).zone(forUserOf: .test(username: "a+b ü&user=c@d.e"), traceparent: "00-a-b-01")
        let request = try #require(transport.requests.first)
        #expect(request.method == .get)
        #expect(
            request.url
                == "https://webservices.autotask.net/atservicesrest/V1.0/zoneInformation?user=a%2Bb%20%C3%BC%26user%3Dc%40d.e"
        )
        #expect(request.headers.map(\.name) == ["traceparent"])
        #expect(request.body.isEmpty)
    }

    @Test("A look-up's failure is redacted of all credentials, although only the user name was sent")
    func echo() async throws {
        let transport = ScriptedTransport([.failure("api@demo.example has s3cr3t-Wort and TRACK-4711")])
        let error = try #require(await failure { () throws(AutotaskError) in try await directory(transport).zone(forUserOf: .test()) })
        #expect(error.remoteMessage == "[redacted] has [redacted] and [redacted]")
    }

    @Test("An unknown user has no zone")
    func unknown() async throws {
        let transport = ScriptedTransport([.fixture("zone-unknown-user.500.json", status: 500)])
        let error = try #require(
            await failure { () throws(AutotaskError) in try await directory(transport).zone(forUserOf: .test(username: "nobody")) }
        )
        #expect(error.kind == .zoneNotFound)
        #expect(error.jobError.code == .zoneNotFound)
    }

    @Test(
        "The zone's URL is made to end in one slash",
        arguments: [
            ("https://webservices14.autotask.net/ATServicesRest", "https://webservices14.autotask.net/ATServicesRest/"),
            ("https://webservices14.autotask.net/ATServicesRest//", "https://webservices14.autotask.net/ATServicesRest/"),
            ("https://webservices14.autotask.net", "https://webservices14.autotask.net/"),
            ("http://127.0.0.1:8080/atservicesrest/", "http://127.0.0.1:8080/atservicesrest/"),
            ("HTTPS://Webservices14.Autotask.net/x/", "HTTPS://Webservices14.Autotask.net/x/"),
        ]
    )
    func normalised(given: String, expected: String) async throws {
        let transport = ScriptedTransport([zone(url: .string(given))])
        #expect(try await directory(transport).zone(forUserOf: .test(username: "u")).zone.apiURL == expected)
    }

    @Test(
        "An invalid zone is refused",
        arguments: [
            #""""#, "null", "7", #""webservices14.autotask.net/x/""#, #""https://""#,
            #""https:///path""#, #""https://user:pass@evil.example/""#, #""https://a.autotask.net/?x=/""#, #""https://a.autotask.net/#/""#,
            #""https://a.autotask.net\\@evil.example/""#, #""https://a.autotask.net/ \r\nX: y/""#, #""https://bücher.example/""#,
        ]
    )
    func malformed(url: String) async throws {
        let transport = ScriptedTransport([zone(url: try JSON(parsing: Array(url.utf8)))])
        let error = await failure { () throws(AutotaskError) in try await directory(transport).zone(forUserOf: .test(username: "u")) }
        #expect(error?.kind == .malformedResponse)
    }

    @Test("A zone with another protocol is refused permanently: a retry cannot correct it")
    func otherProtocol() async throws {
        let transport = ScriptedTransport([zone(url: .string("ftp://webservices14.autotask.net/"))])
        let error = await failure { () throws(AutotaskError) in try await directory(transport).zone(forUserOf: .test(username: "u")) }
        #expect(error?.kind == .notAllowed)
    }

    @Test(
        "An incomplete answer is refused",
        arguments: [
            "", "[]", "{}", "null", #"{"zoneName":"x","url":"https://a.autotask.net/","webUrl":"https://b.autotask.net/"}"#,
            #"{"zoneName":"x","url":"https://a.autotask.net/","webUrl":"https://b.autotask.net/","ci":0}"#,
            #"{"zoneName":"x","url":"https://a.autotask.net/","webUrl":"https://b.autotask.net/","ci":1.5}"#,
            #"{"zoneName":"x","url":"https://a.autotask.net/","ci":1}"#, "<html>", #"{"zoneName":"x""#,
        ]
    )
    func incomplete(body: String) async throws {
        let transport = ScriptedTransport([.answer(200, body)])
        let error = await failure { () throws(AutotaskError) in try await directory(transport).zone(forUserOf: .test(username: "u")) }
        #expect(error?.kind == .malformedResponse)
    }

    private func zone(url: JSON) -> HTTPResponse {
        let body: JSON = ["zoneName": "Z", "url": url, "webUrl": "https://ww14.autotask.net/", "ci": 1]
        return HTTPResponse(status: 200, body: body.encoded)
    }
}
