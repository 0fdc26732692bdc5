import Contract
import Testing

@testable import autotask_simulator

@Suite("Authentication", .timeLimit(.minutes(1)))
struct AuthenticationTests {
    @Test("fails with an empty 401, whatever the fault")
    func empty401() async throws {
        try await withSimulator { _, caller in
            var wrongSecret = caller
            wrongSecret.secret = "Wrong"
            var unknownUser = caller
            unknownUser.username = "nobody@msp.example"
            var noTrackingID = caller
            noTrackingID.integrationCode = nil
            for stranger in [wrongSecret, unknownUser, noTrackingID] {
                let reply = try await stranger.call("GET", "Version")
                #expect(reply.status == 401)
                #expect(reply.text.isEmpty)
            }
        }
    }

    @Test("locks the user after a number of consecutive failures, and then refuses the right secret until the user is unlocked")
    func lockOut() async throws {
        try await withSimulator(database(["lockAfterFailures": 3])) { _, caller in
            var guesser = caller
            guesser.secret = "Wrong"
            for _ in 1...2 { _ = try await guesser.call("GET", "Version") }
            #expect(try await caller.call("GET", "Version").status == 200, "two failures do not lock, and a success forgets them")
            for _ in 1...3 { _ = try await guesser.call("GET", "Version") }
            let locked = try await caller.call("GET", "Version")
            #expect(locked.status == 401)
            #expect(locked.text.isEmpty)
            let unlock: JSON = ["users": [["username": "api@msp.example", "isLocked": false]]]
            try await caller.change(unlock)
            #expect(try await caller.call("GET", "Version").status == 200)
        }
    }

    @Test("never locks if the database has no such setting")
    func noLockOut() async throws {
        try await withSimulator(database(["lockAfterFailures": 0])) { _, caller in
            var guesser = caller
            guesser.secret = "Wrong"
            for _ in 1...20 { _ = try await guesser.call("GET", "Version") }
            #expect(try await caller.call("GET", "Version").status == 200)
        }
    }

    @Test("refuses inactive users, and changed secrets")
    func changes() async throws {
        try await withSimulator { _, caller in
            func change(_ user: JSON) async throws {
                try await caller.change(["users": [user]])
            }
            try await change(["username": "API@MSP.example", "secret": "New-Secret"])
            #expect(try await caller.call("GET", "Version").status == 401)
            var renewed = caller
            renewed.secret = "New-Secret"
            #expect(try await renewed.call("GET", "Version").status == 200)
            try await change(["username": "api@msp.example", "isActive": false])
            #expect(try await renewed.call("GET", "Version").status == 401)
        }
    }

    @Test("answers a wrong tracking identifier as the database is configured: with a text, or without", arguments: ["text500", "empty401"])
    func integrationCode(mode: String) async throws {
        try await withSimulator(database(["integrationCodes": ["GOOD"], "integrationCodeFailure": .string(mode)])) { _, caller in
            let reply = try await caller.call("GET", "Version")
            #expect(reply.status == (mode == "text500" ? 500 : 401))
            #expect(reply.errors == (mode == "text500" ? ["IntegrationCode is invalid."] : []))
            var good = caller
            good.integrationCode = "GOOD"
            #expect(try await good.call("GET", "Version").status == 200)
        }
    }

    @Test("accepts a user's own tracking identifier, and then no other")
    func ownIntegrationCode() async throws {
        let users: JSON = [["username": "api@msp.example", "secret": "Right-Secret", "integrationCode": "OWN"]]
        try await withSimulator(database(["users": users])) { _, caller in
            #expect(try await caller.call("GET", "Version").status == 401)
            var own = caller
            own.integrationCode = "OWN"
            let status = try await own.call("GET", "Version").status
            #expect(status == 200)
        }
    }

    @Test(
        "accepts secrets of any characters that a header can carry",
        arguments: [#"é:;%"\"#, String(repeating: "a", count: 300), "p%20q+r"]
    )
    func oddSecrets(secret: String) async throws {
        let users: JSON = [["username": "api@msp.example", "secret": .string(secret)]]
        try await withSimulator(database(["users": users])) { _, caller in
            var odd = caller
            odd.secret = secret
            let status = try await odd.call("GET", "Version").status
            #expect(status == 200)
        }
    }
}
