import Autotask
import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

@Suite("Billing codes")
struct BillingCodesHandlerTests {
    private let bench = Workbench()

    private func list(_ state: LaneState, refresh: Bool = false) async -> HandlerOutcome {
        bench.autotask.forgetCalls()
        return await BillingCodesHandler().run(BillingCodesPayload(refresh: refresh), bench.context(.billingCodes, state: state))
    }

    private func names(_ outcome: HandlerOutcome) -> [String] {
        outcome.terminal?.members["billingCodes"]?.array?.compactMap { $0["name"]?.string } ?? []
    }

    @Test func `the active recurring-service codes are listed in the order of their names, ignoring case`() async throws {
        let outcome = await list(try await bench.connectedState())
        let event = try #require(outcome.terminal)
        #expect(event.type == .billingCodesListed)
        #expect(
            event.members["billingCodes"] == [
                ["id": 29_683_002, "name": "managed Backup", "description": "Backup by the month"],
                ["id": 29_683_001, "name": "Recurring Services", "description": nil],
            ]
        )
        #expect(event.members["readAt"] == .string(bench.clock.now.description))
        #expect(bench.apiCalls == 1)
        #expect(bench.autotask.operations == ["POST BillingCodes/query"])
    }

    @Test func `within their time they are listed from memory, with the time at which they were read`() async throws {
        let state = try await bench.connectedState()
        let readAt = bench.clock.now
        let remembered = state.applying(await list(state).changes)
        bench.clock.advance(by: .seconds(599))
        let outcome = await list(remembered)
        #expect(names(outcome) == ["managed Backup", "Recurring Services"])
        #expect(outcome.terminal?.members["readAt"] == .string(readAt.description))
        #expect(bench.apiCalls == 0 && bench.autotask.calls.isEmpty)
        guard case .keep = outcome.changes.billingCodes else {
            Issue.record("a list from memory must not look newer than it is")
            return
        }
    }

    @Test(arguments: [true, false])
    func `they are read again on request, or when their time is up`(refresh: Bool) async throws {
        let state = try await bench.connectedState()
        let remembered = state.applying(await list(state).changes)
        bench.autotask.change { $0.databases[Workbench.databaseID]?.billingCodes = [FakeAutotask.billingCode(1, "New")] }
        bench.clock.advance(by: refresh ? .seconds(1) : .seconds(600))
        let outcome = await list(remembered, refresh: refresh)
        #expect(names(outcome) == ["New"])
        #expect(bench.apiCalls == 1)
    }

    @Test func `the remembered list also holds the codes that a sync must judge`() async throws {
        let state = try await bench.connectedState()
        let cached = try #require(state.applying(await list(state).changes).billingCodes)
        let read = try #require(ReadBillingCodes(cached))
        #expect(read.codes.first { $0.id == 29_683_003 }?.isActive == false)
        #expect(read.readAt == bench.clock.now)
    }

    @Test func `codes of another use type that a sync has read are not offered`() async throws {
        var state = try await bench.connectedState()
        let travel = BillingCode(id: 1, name: "Travel", description: nil, isActive: true, useType: 2)
        let hosting = BillingCode(id: 2, name: "Hosting", description: nil, isActive: true, useType: 5)
        state.billingCodes = ReadBillingCodes(codes: [travel, hosting], readAt: bench.clock.now).cached
        #expect(names(await list(state)) == ["Hosting"])
    }

    @Test func `a list remembered by another version is read again`() async throws {
        var state = try await bench.connectedState()
        state.billingCodes = CachedBillingCodes(readAt: bench.clock.now, codes: Array(#"[{"other":1}]"#.utf8))
        let outcome = await list(state)
        #expect(outcome.terminal?.type == .billingCodesListed)
        #expect(bench.apiCalls == 1)
    }

    @Test func `without a connection there is no list, and no call`() async throws {
        let outcome = await list(LaneState(epoch: 1))
        #expect(outcome.terminal?.type == .billingCodesFailed)
        #expect(outcome.terminal?.errorCode == "not_connected")
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test func `a refusal of the credentials is reported once, before the job's own failure`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        let outcome = await list(state)
        #expect(outcome.events.map(\.type) == [.connectionLost, .billingCodesFailed])
        #expect(outcome.terminal?.errorCode == "api_user_locked_or_inactive")
        let after = state.applying(outcome.changes)
        #expect(after.connection?.status == .credentialsRejected)

        let again = await list(after, refresh: true)
        #expect(again.events.map(\.type) == [.billingCodesFailed])
        #expect(again.terminal?.errorCode == "api_user_locked_or_inactive")
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test func `a temporary failure is retried, and the remembered list stays`() async throws {
        bench.autotask.fail("POST BillingCodes/query", .status(429, body: "", headers: [("retry-after", "30")]))
        let outcome = await list(try await bench.connectedState())
        guard case .transient(let error, let earliest, let failure) = outcome.ending else {
            Issue.record("429 must be retried")
            return
        }
        #expect(error.code == .rateLimited)
        #expect(earliest == bench.clock.now + .seconds(30))
        #expect(failure.type == .billingCodesFailed)
        #expect(outcome.events.isEmpty)
        #expect(bench.apiCalls == 1)
    }

    @Test func `a missing permission fails the job, and the connection stays`() async throws {
        let text = #"{"errors":["The logged in Resource does not have the adequate permissions to query this entity type"]}"#
        bench.autotask.fail("POST BillingCodes/query", .status(500, body: text))
        let state = try await bench.connectedState()
        let outcome = await list(state)
        #expect(outcome.terminal?.type == .billingCodesFailed)
        #expect(outcome.terminal?.errorCode == "permission_denied")
        #expect(state.applying(outcome.changes).connection?.status == .connected)
    }

    @Test func `a job that must not continue ends with the reason`() async throws {
        let outcome = BillingCodesHandler().conclude(BillingCodesPayload(), because: JobError(.superseded), bench.context(.billingCodes))
        #expect(outcome.terminal?.type == .billingCodesFailed)
        #expect(outcome.terminal?.errorCode == "superseded")
    }
}
