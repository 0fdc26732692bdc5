import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

@Suite("Reset")
struct ResetHandlerTests {
    private let bench = Workbench()

    private func reset(_ state: LaneState) -> HandlerOutcome {
        ResetHandler().run(ResetPayload(reason: "asked for"), bench.context(.reset, state: state))
    }

    private func texts(_ outcome: HandlerOutcome, _ name: String) -> [String] {
        outcome.terminal?.members[name]?.array?.compactMap(\.string) ?? []
    }

    @Test func `a connected lane is erased, and its event names what was erased and what stays`() async throws {
        var state = try await bench.connectedState()
        state.bindings = [ServiceBinding(planID: "plan", serviceKey: "license-monthly", autotaskServiceID: 7, status: .synced)]
        bench.autotask.forgetCalls()
        let outcome = reset(state)
        let event = try #require(outcome.terminal)
        #expect(event.type == .integrationReset)
        #expect(event.jobID == JobID("job-1"))
        #expect(event.members["message"] == "Integration was reset")
        #expect(event.members["changed"] == true)
        #expect(event.members["reconnectAllowed"] == true)
        #expect(texts(outcome, "erased") == ["credentials", "zone", "database", "bindings"])
        #expect(
            texts(outcome, "retained") == [
                "services in Autotask, unchanged", "eligibility to connect again", "ids, revisions and error codes of jobs, for 400 days",
                "ids and causes of dead letters, for 400 days",
                "the audit log, names and prices in it unreadable, for 400 days",
                "events in the results journal, for 7 days", "backups of the store, until they are deleted",
            ]
        )
        #expect(outcome.changes.resets)
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test func `an erased lane has nothing left to change, and the second reset succeeds too`() async throws {
        let first = reset(try await bench.connectedState())
        let state = try await bench.connectedState().applying(first.changes)
        #expect(state.epoch == 2)
        let second = reset(state)
        #expect(second.terminal?.type == .integrationReset)
        #expect(second.terminal?.members["changed"] == false)
        #expect(texts(second, "erased").isEmpty)
        #expect(second.changes.resets)
        #expect(second.terminal?.members["reconnectAllowed"] == true)
    }

    @Test func `a lane that was never connected is reset like any other, and does not become eligible`() throws {
        let outcome = reset(LaneState(epoch: 1))
        #expect(outcome.terminal?.members["changed"] == false)
        #expect(outcome.terminal?.members["reconnectAllowed"] == false)
        #expect(!texts(outcome, "retained").contains("eligibility to connect again"))
        #expect(!outcome.changes.becomesEligible)
    }

    @Test func `without a gate every tenant may connect again`() throws {
        var bench = bench
        bench.settings.accessCutoff = nil
        let outcome = ResetHandler().run(ResetPayload(), bench.context(.reset))
        #expect(outcome.terminal?.members["reconnectAllowed"] == true)
    }

    @Test func `unresolved writes are erased with the journal, and do not hold the lane back otherwise`() throws {
        let now = bench.clock.now
        var state = LaneState(epoch: 1)
        state.openWrites = [
            JournalEntry(planID: "plan", serviceKey: "a", operation: .update, state: .sent, autotaskServiceID: 7, at: now)
        ]
        let outcome = reset(state)
        #expect(texts(outcome, "erased") == ["writeJournal"])
        #expect(state.applying(outcome.changes).unsettledSince == now)
    }

    @Test func `a reset that must not continue still erases`() throws {
        let outcome = ResetHandler().conclude(ResetPayload(), because: JobError(.superseded), bench.context(.reset))
        #expect(outcome.changes.resets)
        #expect(outcome.terminal?.type == .integrationReset)
    }
}
