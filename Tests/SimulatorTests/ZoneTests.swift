import Contract
import Testing

@testable import autotask_simulator

@Suite("Zones", .timeLimit(.minutes(1)))
struct ZoneTests {
    @Test("of a known user are returned without credentials")
    func knownUser() async throws {
        try await withSimulator { _, caller in
            let root = "http://127.0.0.1:\(caller.port)/zone/AE02/"
            let reply = try await caller.anonymously("GET", "/atservicesrest/v1.0/zoneInformation?user=API%40msp.example")
            let expected: JSON = [
                "zoneName": "AE02", "url": .string(root + "ATServicesRest/"), "webUrl": .string(root), "ci": 123456,
            ]
            #expect(reply.json == expected)
        }
    }

    @Test("of an unknown user cannot be determined: HTTP 500", arguments: ["?user=nobody%40msp.example", "?user=", ""])
    func unknownUser(query: String) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.send("GET", "/atservicesrest/v1.0/zoneInformation\(query)")
            #expect(reply.status == 500)
            #expect(reply.errors == ["Zone information could not be determined"])
        }
    }

    @Test("of a user name with a plus sign are found only if it is encoded")
    func plusSign() async throws {
        try await withSimulator(database(["users": [["username": "a+b@msp.example", "secret": "x"]]])) { _, caller in
            let status = try await caller.send("GET", "/atservicesrest/v1.0/zoneInformation?user=a%2Bb@msp.example").status
            #expect(status == 200)
            #expect(try await caller.send("GET", "/atservicesrest/v1.0/zoneInformation?user=a+b@msp.example").status == 500)
        }
    }

    @Test("are also returned by every zone's own host")
    func everyHost() async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.send("GET", "/zone/UK2/atservicesrest/V1.0/ZONEINFORMATION?USER=api@msp.example")
            #expect(reply.json?["zoneName"] == "AE02")
        }
    }

    @Test(
        "serve paths in any letter case",
        arguments: ["/zone/ae02/atservicesrest/v1.0/version", "/ZONE/AE02/ATServicesRest/V1.0/Version"]
    )
    func letterCase(path: String) async throws {
        try await withSimulator { _, caller in
            let status = try await caller.send("GET", path).status
            #expect(status == 200)
        }
    }

    @Test("answer users of another zone with an empty 401, which does not lock them")
    func wrongZone() async throws {
        try await withSimulator(database(["lockAfterFailures": 1])) { _, caller in
            var stray = caller
            stray.zone = "UK2"
            let reply = try await stray.call("GET", "Version")
            #expect(reply.status == 401)
            #expect(reply.text.isEmpty)
            #expect(try await caller.send("GET", "/atservicesrest/V1.0/Version").status == 401)
            #expect(try await caller.call("GET", "Version").status == 200)
        }
    }

    @Test("change on demand: the old one answers 401, and the look-up names the new one")
    func move() async throws {
        try await withSimulator { _, caller in
            try await caller.change(["zone": "AE03"])
            #expect(try await caller.call("GET", "Version").status == 401)
            let found = try await caller.send("GET", "/atservicesrest/v1.0/zoneInformation?user=api@msp.example")
            #expect(found.json?["zoneName"] == "AE03")
            #expect(found.json?["ci"] == 123456)
            var moved = caller
            moved.zone = "AE03"
            #expect(try await moved.call("GET", "Version").status == 200)
        }
    }

    @Test("list the API's versions, of which the second has no zone information")
    func versions() async throws {
        try await withSimulator { _, caller in
            let json = try await caller.send("GET", "/atservicesrest/versioninformation").json
            #expect(json == ["apiVersions": ["V1.0", "V2.0"]])
            #expect(try await caller.send("GET", "/atservicesrest/v2.0/zoneInformation?user=api@msp.example").status == 404)
        }
    }
}
