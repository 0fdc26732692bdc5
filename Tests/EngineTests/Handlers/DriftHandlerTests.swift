import Autotask
import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

@Suite("Drift")
struct DriftHandlerTests {
    /// A lane in which a plan with `count` services was synced.
    private func synced(_ count: Int = 3, settings: EngineSettings = EngineSettings()) async throws -> SyncBench {
        let lane = try await SyncBench(settings: settings)
        try #require(try await lane.sync(.plan(count)).terminal?.type == .syncSucceeded)
        return lane
    }

    private func drift(_ lane: SyncBench) async throws -> HandlerOutcome {
        lane.autotask.forgetCalls()
        let outcome = try await DriftHandler().run(DriftPayload(), lane.bench.context(.drift, state: lane.state))
        lane.state = lane.state.applying(outcome.changes)
        return outcome
    }

    private func changes(_ outcome: HandlerOutcome, _ index: Int) -> JSON? { outcome.service(index)["changes"] }

    @Test func `unchanged services are reported as such, one by one, and nothing changes`() async throws {
        let lane = try await synced()
        let services = lane.services
        let outcome = try await drift(lane)
        #expect(outcome.events.map(\.type) == [.driftReported])
        #expect(outcome.each("key") == ["s0", "s1", "s2"])
        #expect(outcome.each("state") == ["unchanged", "unchanged", "unchanged"])
        #expect(outcome.service(0)["active"] == true)
        #expect(outcome.service(0)["planId"] == "plan")
        #expect(lane.services == services)
    }

    @Test func `it takes one call while the billing codes are fresh, and otherwise two`() async throws {
        let lane = try await synced()
        _ = try await drift(lane)
        #expect(lane.bench.apiCalls == 1)
        #expect(lane.autotask.operations == ["POST Services/query"])
        lane.clock.advance(by: lane.bench.settings.billingCodesLifetime)
        _ = try await drift(lane)
        #expect(lane.bench.apiCalls == 2)
        #expect(lane.autotask.operations == ["POST Services/query", "POST BillingCodes/query"])
        _ = try await drift(lane)
        #expect(lane.bench.apiCalls == 1)
    }

    @Test func `250 services take two calls`() async throws {
        let lane = try await synced(250)
        lane.clock.advance(by: lane.bench.settings.billingCodesLifetime)
        _ = try await drift(lane)
        #expect(lane.bench.apiCalls == 2)
    }

    // MARK: Differences

    private static let edits: [(field: String, value: JSON, change: JSON)] = [
        ("name", "Renamed", ["field": "name", "from": "Service 1", "to": "Renamed"]),
        ("unitPrice", .number("8.0"), ["field": "unitPrice", "from": "9.00", "to": "8.00"]),
        ("unitCost", .number("5.25"), ["field": "unitCost", "from": "4.50", "to": "5.25"]),
        ("billingCodeID", 29_683_002, ["field": "billingCodeId", "from": 29_683_001, "to": 29_683_002]),
        ("periodType", 2, ["field": "period", "from": "Yearly", "to": "Monthly"]),
    ]

    @Test(arguments: edits)
    func `an edit is reported field by field`(field: String, value: JSON, change: JSON) async throws {
        let lane = try await synced()
        lane.edit("Service 1", field, value)
        let outcome = try await drift(lane)
        #expect(outcome.each("state") == ["unchanged", "edited", "unchanged"])
        #expect(changes(outcome, 1) == [change])
        #expect(outcome.service(1)["name"] == "Service 1")
    }

    @Test func `an inactivated service is reported, and is as synced after the next sync`() async throws {
        let lane = try await synced()
        lane.edit("Service 1", "isActive", false)
        let outcome = try await drift(lane)
        #expect(outcome.each("state") == ["unchanged", "edited", "unchanged"])
        #expect(changes(outcome, 1) == [["field": "active", "from": true, "to": false]])
        #expect(outcome.service(1)["active"] == false)
        #expect(outcome.warnings(1) == ["service_inactive"])

        try await lane.sync(.plan(3))
        let after = try await drift(lane)
        #expect(after.each("state") == ["unchanged", "unchanged", "unchanged"])
        #expect(after.warnings(1) == ["service_inactive"])
    }

    @Test func `a missing service is reported`() async throws {
        let lane = try await synced()
        lane.edit { $0.removeAll { $0["name"] == "Service 1" } }
        let outcome = try await drift(lane)
        #expect(outcome.each("state") == ["unchanged", "gone", "unchanged"])
        #expect(outcome.service(1)["active"] == .null)
        #expect(changes(outcome, 1) == [])
    }

    @Test func `an inactivated billing code is a warning at each service that has it, and is reported as a change`() async throws {
        let lane = try await synced(2)
        lane.autotask.change {
            $0.databases[Workbench.databaseID]?.billingCodes[0]["isActive"] = false
        }
        lane.clock.advance(by: lane.bench.settings.billingCodesLifetime)
        let outcome = try await drift(lane)
        #expect(outcome.events.map(\.type) == [.driftChanged, .driftReported])
        #expect(outcome.each("state") == ["unchanged", "unchanged"])
        #expect(outcome.warnings(0) == ["billing_code_inactive"])
        #expect(try await drift(lane).events.map(\.type) == [.driftReported])
    }

    // MARK: Costs

    @Test func `L37: costs that the API user cannot see are not compared`() async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = true }
        try await lane.sync(.plan(2))
        #expect(try await drift(lane).each("state") == ["unchanged", "unchanged"])
        // They may be visible by now, and their values were never known.
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = false }
        lane.edit("Service 0", "unitCost", .number("7.0"))
        #expect(try await drift(lane).each("state") == ["unchanged", "unchanged"])
    }

    @Test(arguments: [JSON.number("0.0"), .number("0"), .null])
    func `L37: costs that are hidden as zeros are not compared either`(hidden: JSON) async throws {
        let lane = try await SyncBench()
        lane.autotask.change {
            $0.databases[Workbench.databaseID]?.hidesCosts = true
            $0.databases[Workbench.databaseID]?.hiddenCost = hidden
        }
        try await lane.sync(.plan(2))
        #expect(try await drift(lane).each("state") == ["unchanged", "unchanged"])
    }

    @Test func `losing sight of costs is not reported as their removal`() async throws {
        let lane = try await synced()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = true }
        #expect(try await drift(lane).each("state") == ["unchanged", "unchanged", "unchanged"])
    }

    @Test func `a cost that was emptied while others are visible is reported`() async throws {
        let lane = try await synced(2)
        lane.edit("Service 1", "unitCost", .null)
        #expect(changes(try await drift(lane), 1) == [["field": "unitCost", "from": "4.50", "to": .null]])
    }

    // MARK: Reports of changes

    @Test func `a change is reported once, with its differences, until something else differs`() async throws {
        let lane = try await synced()
        lane.edit("Service 1", "unitPrice", .number("8.0"))
        let first = try await drift(lane)
        #expect(first.events.map(\.type) == [.driftChanged, .driftReported])
        #expect(first.events[0].jobID == nil)
        #expect(first.events[0].members["services"]?.array?.map { $0["key"]?.string } == ["s1"])
        #expect(try await drift(lane).events.map(\.type) == [.driftReported])

        lane.edit("Service 2", "name", "Renamed")
        let second = try await drift(lane)
        #expect(second.events[0].members["services"]?.array?.map { $0["key"]?.string } == ["s1", "s2"])
        lane.edit("Service 1", "unitPrice", .number("7.0"))
        #expect(try await drift(lane).events.map(\.type) == [.driftChanged, .driftReported])
    }

    @Test func `when nothing differs any more, that is reported too`() async throws {
        let lane = try await synced()
        lane.edit("Service 1", "unitPrice", .number("8.0"))
        _ = try await drift(lane)
        try await lane.sync(.plan(3))
        let outcome = try await drift(lane)
        #expect(outcome.events.map(\.type) == [.driftChanged, .driftReported])
        #expect(outcome.events[0].members["services"] == [])
        #expect(lane.state.driftDigest == nil)
    }

    @Test func `the last seen state is erased by a reset, and by another database`() async throws {
        let lane = try await synced()
        lane.edit("Service 1", "unitPrice", .number("8.0"))
        _ = try await drift(lane)
        #expect(lane.state.driftDigest != nil)
        #expect(lane.state.applying(LaneChanges(removesBindings: true)).driftDigest == nil)
        #expect(lane.state.applying(LaneChanges(resets: true)).driftDigest == nil)
    }

    // MARK: Compared services

    @Test func `if nothing is synced there is nothing to compare, and no call`() async throws {
        let lane = try await SyncBench()
        let outcome = try await drift(lane)
        #expect(outcome.terminal?.type == .driftReported)
        #expect(outcome.report["services"] == [])
        #expect(lane.autotask.calls.isEmpty)
    }

    @Test func `the services of all plans are compared`() async throws {
        let lane = try await synced(1)
        var other = SyncPayload.plan(1)
        other.planID = "other"
        other.services[0].name = "Another"
        try await lane.sync(other)
        let outcome = try await drift(lane)
        #expect(outcome.each("planId") == ["other", "plan"])
        #expect(lane.bench.apiCalls == 1)
    }

    @Test func `a service whose last write is unresolved is left to the next sync`() async throws {
        let lane = try await synced(2)
        let entry = JournalEntry(
            planID: "plan",
            serviceKey: "s0",
            operation: .update,
            state: .sent,
            autotaskServiceID: 500,
            at: lane.clock.now
        )
        lane.state = lane.state.applying(LaneChanges(journal: [entry]))
        #expect(try await drift(lane).each("key") == ["s1"])
    }

    @Test func `a service synced before its activity was remembered reports nothing about activity`() async throws {
        let lane = try await synced(1)
        let last = try #require(lane.binding("s0")?.lastSeen)
        #expect(last.isActive == true)
        lane.state.bindings[0].lastSynced = last.fields.encoded
        lane.edit("Service 0", "isActive", false)
        #expect(try await drift(lane).each("state") == ["unchanged"])
    }

    // MARK: Failures

    @Test func `without a connection it fails without a call`() async throws {
        let lane = try await SyncBench(connected: false)
        let outcome = try await drift(lane)
        #expect(outcome.terminal?.type == .driftFailed)
        #expect(outcome.terminal?.errorCode == "not_connected")
        #expect(lane.autotask.calls.isEmpty)
    }

    @Test func `a refusal of the credentials is reported once, before the job's own failure`() async throws {
        let lane = try await synced()
        lane.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        #expect(try await drift(lane).events.map(\.type) == [.connectionLost, .driftFailed])
        #expect(try await drift(lane).events.map(\.type) == [.driftFailed])
        #expect(lane.autotask.calls.isEmpty)
    }

    @Test func `a temporary failure is retried`() async throws {
        let lane = try await synced()
        lane.autotask.fail("POST Services/query", .status(429, headers: [("retry-after", "30")]))
        let outcome = try await drift(lane)
        #expect(outcome.failure?.type == .driftFailed)
        #expect(outcome.deferral?.earliest == lane.clock.now + .seconds(30))
        #expect(outcome.events.isEmpty)
    }

    @Test func `a job that must not continue ends with the reason`() async throws {
        let outcome = DriftHandler().conclude(DriftPayload(), because: JobError(.superseded), Workbench().context(.drift))
        #expect(outcome.terminal?.type == .driftFailed)
        #expect(outcome.terminal?.errorCode == "superseded")
    }
}
