import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

@Suite("Verify")
struct VerifyHandlerTests {
    private static let calls = [
        "GET zoneInformation", "GET Version", "GET Services/entityInformation", "GET Services/entityInformation/fields",
    ]

    private let bench = Workbench()

    private func verify(_ state: LaneState) async -> HandlerOutcome {
        bench.autotask.forgetCalls()
        return await VerifyHandler().run(VerifyPayload(), bench.context(.verify, state: state))
    }

    /// Moves the database to another host, or lets another one answer to the user's name.
    private func move(to host: String) {
        bench.autotask.change {
            $0.databases[Workbench.databaseID]?.host = host
            $0.databases[Workbench.databaseID]?.zoneName = "AU29"
            $0.databases[1] = FakeAutotask.Database(host: Workbench.zoneHost)
        }
    }

    private func replaceDatabase(with database: Int64 = Workbench.strangerDatabaseID) {
        bench.autotask.change { $0.users[Workbench.username]?.databaseID = database }
    }

    @Test func `a working connection is reported with its zone, its database and its user's permissions`() async throws {
        let outcome = await verify(try await bench.connectedState())
        let event = try #require(outcome.terminal)
        #expect(event.type == .connectionVerified)
        #expect(event.members["zone"]?["name"] == "AE02")
        #expect(event.members["databaseId"] == JSON(Workbench.databaseID))
        #expect(event.members["capabilities"]?["services"] == ["query": true, "create": true, "update": true])
        #expect(outcome.events.count == 1)
        #expect(bench.autotask.operations == Self.calls && bench.apiCalls == 4)
        guard case .keep = outcome.changes.connection else {
            Issue.record("nothing is new, so nothing must be stored")
            return
        }
    }

    @Test func `the look-up sends no secret`() async throws {
        _ = await verify(try await bench.connectedState())
        #expect(bench.autotask.calls.first?.header("Secret") == nil)
        #expect(bench.autotask.calls.first?.header("UserName") == nil)
    }

    @Test func `the user's permissions are read again, and the known visibility of costs stays`() async throws {
        var state = try await bench.connectedState()
        state.connection?.capabilities.costVisible = false
        bench.autotask.change { $0.databases[Workbench.databaseID]?.access["Update"] = false }
        let after = state.applying(await verify(state).changes)
        #expect(after.connection?.capabilities.canUpdateServices == false)
        #expect(after.connection?.capabilities.costVisible == false)
    }

    // MARK: Zones and databases

    @Test func `A17: a zone that moved is followed silently, and reported`() async throws {
        let state = try await bench.connectedState()
        move(to: "webservices29.autotask.net")
        let outcome = await verify(state)
        #expect(outcome.events.map(\.type) == [.connectionVerified])
        #expect(outcome.terminal?.members["zone"]?["name"] == "AU29")
        #expect(bench.autotask.operations == Self.calls)
        #expect(bench.autotask.calls.dropFirst().allSatisfy { $0.host == "webservices29.autotask.net" })
        #expect(state.applying(outcome.changes).connection?.zone.apiURL.contains("webservices29") == true)
    }

    @Test func `another database stops everything before a secret is sent, and is reported once`() async throws {
        let state = try await bench.connectedState()
        replaceDatabase()
        let outcome = await verify(state)
        #expect(outcome.events.map(\.type) == [.connectionLost, .connectionFailed])
        #expect(outcome.events.map(\.errorCode) == ["database_changed", "database_changed"])
        #expect(outcome.terminal?.members["previousConnectionActive"] == false)
        #expect(bench.autotask.operations == ["GET zoneInformation"])

        let lost = state.applying(outcome.changes)
        #expect(lost.connection?.status == .databaseMismatch)
        let again = await verify(lost)
        #expect(again.events.map(\.type) == [.connectionFailed])
        #expect(bench.autotask.operations == ["GET zoneInformation"])
    }

    @Test func `a connection whose own database is back is usable again`() async throws {
        var state = try await bench.connectedState()
        state.connection?.status = .databaseMismatch
        let outcome = await verify(state)
        #expect(outcome.events.map(\.type) == [.connectionRecovered, .connectionVerified])
        #expect(
            outcome.events.first?.members["lostBecause"]?["code"] == "database_changed" && outcome.events.first?.members["error"] == nil
        )
        #expect(state.applying(outcome.changes).connection?.status == .connected)
    }

    // MARK: Credentials

    @Test func `L14: a password that changed is noticed at the first 401, reported once, and not tried again`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        let outcome = await verify(state)
        #expect(outcome.events.map(\.type) == [.connectionLost, .connectionFailed])
        #expect(outcome.terminal?.errorCode == "api_user_locked_or_inactive")
        #expect(outcome.terminal?.members["message"] == "Failed to establish connection")
        #expect(outcome.terminal?.members["previousConnectionActive"] == false)
        #expect(bench.autotask.operations == ["GET zoneInformation", "GET Version"])

        let lost = state.applying(outcome.changes)
        #expect(lost.connection?.status == .credentialsRejected)
        #expect(lost.refusedCredentials.count == 1)
        let again = await verify(lost)
        #expect(again.events.map(\.type) == [.connectionFailed])
        #expect(again.terminal?.errorCode == "api_user_locked_or_inactive")
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test func `for a user that the look-up does not know, the zone's answer to the credentials decides`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.users[Workbench.username] = nil }
        let outcome = await verify(state)
        #expect(outcome.events.map(\.type) == [.connectionLost, .connectionFailed])
        #expect(bench.autotask.operations == ["GET zoneInformation", "GET Version"])
        #expect(state.applying(outcome.changes).connection?.status == .credentialsRejected)
    }

    @Test func `without a connection there is nothing to verify, and no call`() async throws {
        let outcome = await verify(LaneState(epoch: 1))
        #expect(outcome.terminal?.type == .connectionFailed)
        #expect(outcome.terminal?.errorCode == "not_connected")
        #expect(outcome.terminal?.members["previousConnectionActive"] == false)
        #expect(bench.autotask.calls.isEmpty)
    }

    // MARK: Other failures

    @Test(arguments: ["GET zoneInformation", "GET Version", "GET Services/entityInformation/fields"])
    func `a temporary failure is retried, and the connection stays`(operation: String) async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail(operation, .status(503))
        let outcome = await verify(state)
        #expect(outcome.failure?.type == .connectionFailed)
        #expect(outcome.failure?.members["previousConnectionActive"] == true)
        #expect(outcome.events.isEmpty)
        #expect(state.applying(outcome.changes).connection == state.connection)
    }

    @Test func `a missing permission fails the job, and the connection stays`() async throws {
        let text = #"{"errors":["The logged in Resource does not have the adequate permissions to query this entity type"]}"#
        let state = try await bench.connectedState()
        bench.autotask.fail("GET Services/entityInformation", .status(500, body: text))
        let outcome = await verify(state)
        #expect(outcome.terminal?.errorCode == "permission_denied")
        #expect(outcome.terminal?.members["previousConnectionActive"] == true)
        #expect(state.applying(outcome.changes).connection?.status == .connected)
    }

    @Test func `the access gate does not prevent it`() async throws {
        var state = try await bench.connectedState()
        state.isEligible = false
        #expect(await verify(state).terminal?.type == .connectionVerified)
    }

    @Test func `a job that must not continue ends with the reason`() async throws {
        let outcome = VerifyHandler().conclude(VerifyPayload(), because: JobError(.superseded), bench.context(.verify))
        #expect(outcome.terminal?.errorCode == "superseded")
    }
}
