import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

@Suite("Sync: some warnings stop it until they are acknowledged")
struct AcknowledgementTests {
    private func lane(_ brake: Brake = Brake(stops: [.priceChanged])) async throws -> SyncBench {
        try await SyncBench(settings: EngineSettings(brake: brake))
    }

    private func acknowledging(_ names: String..., in plan: SyncPayload) -> SyncPayload {
        var plan = plan
        plan.acknowledged = Set(names.compactMap(Acknowledgement.init))
        return plan
    }

    @Test func `a large price change stops the whole batch before any write, and the warning says how to acknowledge it`() async throws {
        let lane = try await lane()
        try await lane.sync(.plan(3))
        let plan = SyncPayload.plan(3).with(1) { $0.unitPrice = .value(.amount("900.00")) }.with(2) {
            $0.unitPrice = .value(.amount("9.10"))
        }
        let outcome = try await lane.sync(plan)
        #expect(outcome.terminal?.type == .syncFailed && lane.writes.isEmpty)
        #expect(outcome.report["error"]?["code"] == "acknowledgement_needed")
        #expect(outcome.report["error"]?["hint"]?.string?.contains("\"price_changed:s1\"") == true)
        #expect(outcome.outcomes == ["notAttempted", "notAttempted", "notAttempted"])
        #expect(outcome.statuses == ["Synced", "Synced", "Synced"])
        #expect(outcome.errors == [nil, "acknowledgement_needed", nil])
        #expect(outcome.service(1)["warnings"]?.array?[0]["needsAcknowledgement"] == true)
        #expect(lane.binding("s1")?.status == .synced)
    }

    @Test(arguments: ["price_changed", "price_changed:s1"])
    func `an acknowledged change is made, and its warning is still reported`(name: String) async throws {
        let lane = try await lane()
        try await lane.sync(.plan(3))
        let plan = SyncPayload.plan(3).with(1) { $0.unitPrice = .value(.amount("900.00")) }
        let outcome = try await lane.sync(acknowledging(name, in: plan))
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(outcome.outcomes == ["unchanged", "updated", "unchanged"])
        #expect(outcome.warnings(1) == ["price_changed"])
    }

    @Test(arguments: ["price_changed:s0", "negative_margin", "price_changed:s1x"])
    func `acknowledging another warning does not help`(name: String) async throws {
        let lane = try await lane()
        try await lane.sync(.plan(3))
        let plan = SyncPayload.plan(3).with(1) { $0.unitPrice = .value(.amount("900.00")) }
        #expect(try await lane.sync(acknowledging(name, in: plan)).terminal?.type == .syncFailed)
        #expect(lane.writes.isEmpty)
    }

    @Test(
        arguments: [
            ("9.00", "13.50", false), ("9.00", "13.51", true), ("9.00", "4.50", false), ("9.00", "4.49", true), ("0.00", "0.0001", true),
            ("0.00", "0.00", false), ("-2.00", "-1.00", false), ("-2.00", "1.00", true),
            ("99999999999999.0000", "-99999999999999.0000", true),
        ]
    )
    func `a price change is large if it exceeds the configured share of the old price`(old: String, new: String, isFar: Bool) {
        #expect(Brake().isFar(from: Money(jsonNumber: old)!, to: Money(jsonNumber: new)!) == isFar)
    }

    @Test func `each warning that is known before a write can stop it, and an unwritten service stops nothing`() async throws {
        let lane = try await lane(Brake(stops: Warning.Code.stopping))
        let cheap = SyncPayload.plan(1).with(0) { $0.unitCost = .value(.amount("9.50")) }
        #expect(try await lane.sync(cheap).warnings(0) == ["negative_margin"])
        #expect(lane.writes.isEmpty)
        #expect(try await lane.sync(acknowledging("negative_margin", in: cheap)).terminal?.type == .syncSucceeded)
        // Without a write there is nothing to acknowledge.
        let unchanged = try await lane.sync(cheap)
        #expect(unchanged.outcomes == ["unchanged"] && unchanged.warnings(0) == ["negative_margin"])

        lane.edit("Service 0", "isActive", false)
        lane.edit("Service 0", "unitPrice", .number("9.4"))
        let edited = try await lane.sync(cheap)
        #expect(edited.errors == ["acknowledgement_needed"])
        #expect(edited.warnings(0) == ["negative_margin", "service_inactive", "edit_overwritten"])

        lane.edit { $0.removeAll() }
        #expect(try await lane.sync(cheap).warnings(0) == ["service_recreated", "negative_margin"])
        #expect(lane.writes.isEmpty && lane.services.isEmpty)
    }

    @Test func `an ignored cost is known before the write, once Autotask was seen to ignore it`() async throws {
        let lane = try await lane(Brake(stops: [.costNotStored]))
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = true }
        let first = try await lane.sync(.plan(1))
        #expect(first.terminal?.type == .syncSucceeded && first.warnings(0) == ["cost_not_stored"])
        let second = try await lane.sync(SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("9.10")) })
        #expect(second.errors == ["acknowledgement_needed"] && lane.writes.isEmpty)
    }

    // MARK: Comparison of prices

    @Test func `by default nothing stops a sync`() async throws {
        let lane = try await lane(EngineSettings().brake)
        try await lane.sync(.plan(1))
        let outcome = try await lane.sync(SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("900.00")) })
        #expect(outcome.terminal?.type == .syncSucceeded && outcome.warnings(0) == ["price_changed"])
    }

    @Test(arguments: ["0.01", "900.0"])
    func `a price that was edited in Autotask is overridden and reported, however large the change`(edited: String) async throws {
        let lane = try await lane()
        try await lane.sync(.plan(1))
        lane.edit("Service 0", "unitPrice", .number(edited))
        let outcome = try await lane.sync(.plan(1))
        #expect(outcome.outcomes == ["updated"] && outcome.warnings(0) == ["edit_overwritten"])
        #expect(outcome.service(0)["overwritten"]?.array?.count == 1 && lane.services[0]["unitPrice"] == .number("9.00"))
    }

    @Test func `a large change of the plan's price stops the sync although Autotask's price is near`() async throws {
        let lane = try await lane()
        try await lane.sync(.plan(1))
        lane.edit("Service 0", "unitPrice", .number("899.0"))
        let outcome = try await lane.sync(SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("900.00")) })
        #expect(outcome.errors == ["acknowledgement_needed"] && lane.writes.isEmpty)
        #expect(outcome.service(0)["warnings"]?.array?.contains { $0["message"]?.string?.contains("from 9.00 to 900.00") == true } == true)
    }

    @Test func `after a reset, and with an adoption, no price is compared`() async throws {
        let lane = try await lane()
        try await lane.sync(.plan(1))
        lane.state.bindings = []
        let dearer = SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("900.00")) }
        let preview = try await lane.preview(dearer)
        #expect(preview.warnings(0).isEmpty && preview.service(0)["changes"] == [["field": "unitPrice", "from": "9.00", "to": "900.00"]])
        #expect(try await lane.sync(dearer).outcomes == ["adopted"])
        lane.add("Another", id: 900)
        var adopting = SyncPayload(planID: "plan", revision: 3, services: dearer.services + [.sample(2)])
        adopting.adopted = ["s2": 900]
        let adopted = try await lane.sync(adopting)
        #expect(adopted.outcomes == ["unchanged", "adopted"] && adopted.warnings(1).isEmpty)
    }

    @Test func `a change that was not synced is compared with the last synced price`() async throws {
        let lane = try await lane()
        try await lane.sync(.plan(1))
        let dearer = SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("900.00")) }
        lane.autotask.fail("PATCH Services", .status(500, body: #"{"errors":["A name is required."]}"#))
        #expect(try await lane.sync(acknowledging("price_changed", in: dearer)).errors == ["remote_rejected"])
        #expect(try await lane.sync(dearer).errors == ["acknowledgement_needed"])
        #expect(try await lane.sync(acknowledging("price_changed", in: dearer)).statuses == ["Synced"])
        #expect(try await lane.sync(dearer).outcomes == ["unchanged"])
    }

    @Test(arguments: Warning.Code.stopping.sorted { $0.rawValue < $1.rawValue })
    func `a job may set the acknowledgement policy itself, in addition to the operator's`(code: Warning.Code) throws {
        #expect(
            Brake(stops: [.negativeMargin], priceChangePercent: 20).adding([code])
                == Brake(stops: [.negativeMargin, code], priceChangePercent: 20)
        )
    }

    @Test func `a job's own acknowledgement policy stops it and its preview, and no other job`() async throws {
        let lane = try await lane(Brake(stops: [.negativeMargin]))
        try await lane.sync(.plan(1))
        var plan = SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("4.00")) }
        plan.acknowledgementRequired = [.priceChanged]
        #expect(try await lane.preview(plan).report["needsAcknowledgement"] == ["price_changed:s0", "negative_margin:s0"])
        #expect(try await lane.sync(plan).errors == ["acknowledgement_needed"] && lane.writes.isEmpty)
        #expect(try await lane.sync(acknowledging("price_changed", in: plan)).errors == ["acknowledgement_needed"])
        plan.acknowledgementRequired = []
        #expect(try await lane.sync(acknowledging("negative_margin", in: plan)).statuses == ["Synced"])
    }
}
