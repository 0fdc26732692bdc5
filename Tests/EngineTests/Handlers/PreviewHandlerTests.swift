import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

@Suite("Preview: exactly what a sync would do")
struct PreviewHandlerTests {
    private func naming(_ preview: HandlerOutcome, in plan: SyncPayload) -> SyncPayload {
        var plan = plan
        plan.previewID = preview.report["previewId"]?.string
        return plan
    }

    @Test func `each service is reported with its planned change, and nothing is written`() async throws {
        let lane = try await SyncBench(settings: EngineSettings(brake: Brake(stops: [.priceChanged])))
        try await lane.sync(.plan(3))
        lane.edit("Service 1", "unitPrice", .number("8"))
        let plan = SyncPayload.plan(4).with(2) {
            $0.name = "Renamed"
            $0.unitPrice = .value(.amount("90"))
        }
        let outcome = try await lane.preview(plan)
        #expect(outcome.events.map(\.type) == [.syncPreviewed] && lane.writes.isEmpty)
        #expect(outcome.outcomes == ["unchanged", "updated", "updated", "created"])
        #expect(outcome.statuses == ["Synced", "Synced", "Synced", "Not synced"])
        #expect(outcome.service(1)["changes"] == [["field": "unitPrice", "from": "8.00", "to": "9.00"]])
        #expect(outcome.service(1)["overwritten"] == outcome.service(1)["changes"])
        #expect(outcome.service(1)["margin"] == ["before": "3.50", "after": "4.50"])
        #expect(outcome.service(3)["margin"] == ["before": .null, "after": "4.50"])
        #expect(outcome.report["needsAcknowledgement"] == ["price_changed:s2"])
        #expect(outcome.report["warnings"]?.array?.map { $0["code"] } == ["edit_overwritten", "price_changed"])
        #expect(lane.state.bindings.count == 3)
    }

    @Test func `its estimate matches the calls of the sync, and it costs one call itself`() async throws {
        let lane = try await SyncBench()
        let first = try await lane.preview(.plan(4))
        // Billing codes are read for the first time.
        #expect(lane.bench.apiCalls == 2 && first.report["apiCallEstimate"] == 6)
        try await lane.sync(naming(first, in: .plan(4)))
        #expect(lane.bench.apiCalls == 6)
        let second = try await lane.preview(.plan(4))
        #expect(lane.bench.apiCalls == 1 && second.report["apiCallEstimate"] == 1)
        try await lane.sync(naming(second, in: .plan(4)))
        #expect(lane.bench.apiCalls == 1)
    }

    @Test func `a conflicting service is reported with its id and state, and a valid one with its planned change`() async throws {
        let lane = try await SyncBench()
        lane.add("service 1", id: 900, isActive: false)
        let plan = SyncPayload.plan(3).with(2) { $0.unitPrice = .missing }
        let outcome = try await lane.preview(plan)
        #expect(outcome.terminal?.type == .syncPreviewed)
        #expect(outcome.outcomes == ["created", "invalid", "invalid"])
        #expect(outcome.errors == [nil, "service_name_conflict", "price_invalid"])
        #expect(outcome.service(1)["error"]?["conflict"]?["autotaskServiceId"] == 900)
        #expect(outcome.service(1)["error"]?["conflict"]?["active"] == false)
        #expect(outcome.report["previewId"] == .null && outcome.report["expiresAt"] == .null)
    }

    @Test func `a margin based on an invisible cost is not reported`() async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = true }
        try await lane.sync(.plan(1))
        let outcome = try await lane.preview(SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("9.10")) })
        #expect(outcome.service(0)["margin"] == ["before": .null, "after": .null])
        #expect(outcome.warnings(0) == ["cost_not_stored"])
    }

    // MARK: Syncs that name a preview

    private static let moves: [(name: String, move: @Sendable (SyncBench, inout SyncPayload) -> Void)] = [
        ("a price in the plan", { _, plan in plan.services[0].unitPrice = .value(.amount("9.01")) }),
        ("a service more", { _, plan in plan.services.append(.sample(7)) }),
        ("a service retired", { _, plan in plan.retired = ["s9"] }),
        ("another plan", { _, plan in plan.planID = "other" }),
        ("an adoption", { _, plan in plan.adopted = ["s0": 900] }),
        ("a price in Autotask", { lane, _ in lane.edit("Service 0", "unitPrice", .number("8.5")) }),
        ("a name in Autotask", { lane, _ in lane.edit("Service 1", "name", "Else") }),
        ("a service inactivated", { lane, _ in lane.edit("Service 1", "isActive", false) }),
        ("a service gone", { lane, _ in lane.edit { $0.removeFirst() } }),
        ("a name taken", { lane, _ in lane.add("Service 2", id: 900) }),
        ("a reset", { lane, _ in lane.state.epoch += 1 }),
        ("time", { lane, _ in lane.clock.advance(by: .seconds(1800)) }),
    ]

    @Test(arguments: moves.indices)
    func `a sync that names it is refused if the plan or Autotask has changed`(move: Int) async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        var plan = SyncPayload.plan(3).with(1) { $0.unitPrice = .value(.amount("9.50")) }
        plan = naming(try await lane.preview(plan), in: plan)
        Self.moves[move].move(lane, &plan)
        let outcome = try await lane.sync(plan)
        #expect(outcome.terminal?.type == .syncFailed && lane.writes.isEmpty, "\(Self.moves[move].name)")
        #expect(outcome.report["error"]?["code"] == "plan_stale", "\(Self.moves[move].name)")
        #expect(outcome.outcomes.allSatisfy { $0 == "notAttempted" })
    }

    @Test func `a sync is done as previewed, whatever its revision, once the warnings are acknowledged`() async throws {
        let lane = try await SyncBench(settings: EngineSettings(brake: Brake(stops: [.priceChanged])))
        try await lane.sync(.plan(2))
        var plan = SyncPayload.plan(3).with(1) { $0.unitPrice = .value(.amount("90")) }
        let preview = try await lane.preview(plan)
        plan = naming(preview, in: plan)
        plan.revision = 7
        #expect(try await lane.sync(plan).report["error"]?["code"] == "acknowledgement_needed")
        plan.acknowledged = Set(preview.report["needsAcknowledgement"]?.array?.compactMap { $0.string.flatMap(Acknowledgement.init) } ?? [])
        let outcome = try await lane.sync(plan)
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(outcome.outcomes == preview.outcomes)
        for index in 0..<3 { #expect(outcome.service(index)["changes"] == preview.service(index)["changes"]) }
    }

    @Test func `a sync's own writes are no change since the preview`() async throws {
        let lane = try await SyncBench()
        let plan = naming(try await lane.preview(.plan(3)), in: .plan(3))
        lane.autotask.pass("POST Services")
        lane.autotask.fail("POST Services", .lostAnswer)
        #expect(try await lane.syncToEnd(plan).terminal?.type == .syncSucceeded)
        #expect(lane.services.count == 3)
    }

    @Test(arguments: ["", "p-1", "0.a.b", "-1.AAAA.AAAA", "ffffffffffffffffff.AAAA.AAAA", "19a00000000.AAAA.AAAA"])
    func `an id that no preview issued is stale`(id: String) async throws {
        let lane = try await SyncBench()
        var plan = SyncPayload.plan(1)
        plan.previewID = id
        #expect(try await lane.sync(plan).report["error"]?["code"] == "plan_stale")
        #expect(lane.writes.isEmpty)
    }

    // MARK: Plans that cannot be previewed

    @Test func `without a connection there is nothing to compare`() async throws {
        let lane = try await SyncBench(connected: false)
        let outcome = try await lane.preview(.plan(2))
        #expect(outcome.terminal?.type == .syncFailed && outcome.report["error"]?["code"] == "not_connected")
        #expect(outcome.outcomes == ["notAttempted", "notAttempted"])
    }

    @Test func `a plan that lacks a service is refused as in a sync`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(3))
        let outcome = try await lane.preview(.plan(2))
        #expect(outcome.terminal?.type == .jobRejected && outcome.report["error"]?["code"] == "plan_incomplete")
    }

    @Test func `refused credentials lose the connection, and a busy Autotask defers the preview`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services/query", .status(503))
        #expect(try await lane.preview(.plan(1)).deferral?.error.code == .autotaskUnavailable)
        lane.autotask.fail("POST Services/query", .status(401))
        let outcome = try await lane.preview(.plan(1))
        #expect(outcome.events.map(\.type) == [.connectionLost, .syncFailed])
        #expect(lane.state.connection?.status == .credentialsRejected)
    }
}
