import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

@Suite("Sync: a service is adopted on request")
struct AdoptionTests {
    private func adopting(_ ids: [String: Int64], in plan: SyncPayload = .plan(1)) -> SyncPayload {
        var plan = plan
        plan.adopted = ids
        return plan
    }

    @Test func `without a request, a service of the same name is a conflict, and is named (A12)`() async throws {
        let lane = try await SyncBench()
        lane.add("service 0", id: 900, isActive: false)
        let outcome = try await lane.sync(.plan(1))
        #expect(outcome.errors == ["service_name_conflict"] && lane.writes.isEmpty)
        let conflict: JSON = ["autotaskServiceId": 900, "name": "service 0", "active": false]
        #expect(outcome.service(0)["error"]?["conflict"] == conflict)
    }

    @Test func `an adopted service is changed to match the plan, gets the ownership marker, and is kept (A12)`() async throws {
        let lane = try await SyncBench()
        lane.add("service 0", id: 900)
        let outcome = try await lane.sync(adopting(["s0": 900]))
        #expect(outcome.terminal?.type == .syncSucceeded && outcome.outcomes == ["adopted"])
        #expect(lane.services.count == 1 && lane.services[0]["internalID"] == .string(lane.marker("s0")))
        #expect(lane.services[0]["name"] == "Service 0" && lane.services[0]["unitPrice"] == .number("9.00"))
        #expect(outcome.service(0)["changes"]?.array?.count == 3)
        // The service stays bound, whether or not the adoption is repeated.
        #expect(try await lane.sync(adopting(["s0": 900])).outcomes == ["unchanged"])
        #expect(try await lane.sync(.plan(1)).outcomes == ["unchanged"])
    }

    @Test func `a service that already matches the plan only gets the ownership marker`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.state.bindings = []
        lane.edit("Service 0", "internalID", "")
        let preview = try await lane.preview(adopting(["s0": 500]))
        #expect(preview.service(0)["writes"] == 1 && preview.service(0)["changes"] == [])
        let outcome = try await lane.sync(adopting(["s0": 500]))
        #expect(outcome.outcomes == ["adopted"] && lane.writes.count == 1)
        #expect(lane.writes[0].body == ["id": 500, "internalID": .string(lane.marker("s0"))])
    }

    @Test func `a foreign value in the marker's field stays`() async throws {
        let lane = try await SyncBench()
        lane.add("Service 0", id: 900, marker: "ACC-4711")
        #expect(try await lane.sync(adopting(["s0": 900])).outcomes == ["adopted"])
        #expect(lane.services[0]["internalID"] == "ACC-4711")
    }

    @Test func `a service with another lane's unresolved write from before a reset is adopted once that is settled`() async throws {
        let lane = try await SyncBench()
        lane.add("service 0", id: 900)
        let since = lane.clock.now + .seconds(-10)
        lane.bench.store.change { $0.unsettledSince = since }
        let early = try await lane.sync(adopting(["s0": 900]))
        let settled = since + lane.bench.settings.settleTime
        #expect(early.deferral?.error.code == .outcomeUnknown && early.deferral?.earliest == settled && lane.writes.isEmpty)
        // The other lane's update takes effect.
        lane.edit("service 0", "unitPrice", 10)
        lane.clock.advance(by: settled - lane.clock.now)
        #expect(try await lane.attempt(adopting(["s0": 900])).outcomes == ["adopted"])
        #expect(lane.services[0]["unitPrice"] == .number("9.00"))
    }

    @Test func `a time far ahead of this clock, from another worker's clock, does not delay an adoption`() async throws {
        let lane = try await SyncBench()
        lane.add("service 0", id: 900)
        let ahead = lane.clock.now + .seconds(3600)
        lane.bench.store.change { $0.unsettledSince = ahead }
        #expect(try await lane.sync(adopting(["s0": 900])).outcomes == ["adopted"])
    }

    @Test func `a service that is bound elsewhere is refused, before any write`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        lane.add("Other", id: 900, marker: lane.marker("s9", of: Lane(tenant: lane.bench.lane.tenant, product: .fileProtection)))
        lane.add("Linked elsewhere", id: 901)
        lane.add("Of another plan", id: 902)
        lane.bench.store.change { $0.linked = [901] }
        lane.state.bindings.append(ServiceBinding(planID: "other", serviceKey: "x", autotaskServiceID: 902, status: .synced))
        var plan = SyncPayload.plan(3)
        for (id, reason) in [
            (500, "linked to \"s0\""), (900, "the ownership marker of another"), (901, "another integration"),
            (902, "\"x\" of the plan \"other\""), (999, "see a service with this id"),
        ] as [(Int64, String)] {
            plan.adopted = ["s2": id]
            let outcome = try await lane.sync(plan)
            #expect(outcome.errors == [nil, nil, "adoption_refused"])
            #expect(outcome.service(2)["error"]?["message"]?.string?.contains(reason) == true, "\(outcome.service(2))")
            #expect(lane.writes.isEmpty)
        }
        // A bound service is not bound again.
        plan.adopted = ["s0": 901]
        lane.bench.store.change { $0.linked = [] }
        let outcome = try await lane.sync(plan)
        #expect(outcome.errors == ["adoption_refused", nil, nil] && lane.writes.isEmpty)
    }

    @Test func `another billing period is refused`() async throws {
        let lane = try await SyncBench()
        lane.add("Service 0", id: 900)
        lane.edit("Service 0", "periodType", 5)
        #expect(try await lane.sync(adopting(["s0": 900])).errors == ["period_mismatch"])
        #expect(lane.writes.isEmpty)
    }

    @Test func `a service that leaves the plan leaves its Autotask service for another to adopt`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        var plan = SyncPayload(planID: "plan", revision: 2, services: [.sample(0), .sample(3, name: "Service 1")], retired: ["s1"])
        plan.adopted = ["s3": 501]
        let outcome = try await lane.sync(plan)
        #expect(outcome.outcomes == ["unchanged", "adopted"])
        #expect(lane.services[1]["internalID"] == .string(lane.marker("s3")))
        #expect(lane.state.bindings.map(\.serviceKey).sorted() == ["s0", "s3"])
    }

    @Test func `a binding to a missing service is replaced`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.edit { $0.removeAll() }
        lane.add("Service 0", id: 900)
        let outcome = try await lane.sync(adopting(["s0": 900]))
        #expect(outcome.outcomes == ["adopted"] && lane.binding("s0")?.autotaskServiceID == 900)
    }

    // MARK: Keys and plans under another name

    @Test(arguments: [("plan", "new"), ("renamed", "s0"), ("renamed", "new")])
    func `after a reset, a service with this lane's marker is adopted under another key or plan`(planID: String, key: String) async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.state.bindings = []
        var plan = SyncPayload(planID: planID, services: [.sample(0)])
        plan.services[0].key = key
        #expect(try await lane.sync(plan).errors == ["service_name_conflict"])
        plan.adopted = [key: 500]
        let outcome = try await lane.sync(plan)
        #expect(outcome.outcomes == ["adopted"] && lane.services.count == 1)
        #expect(lane.services[0]["internalID"] == .string(lane.marker(key, planID: planID)))
        #expect(try await lane.sync(plan).outcomes == ["unchanged"])
    }

    @Test func `a plan's last service is retired without a call, and adopted by the next plan`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        let end = try await lane.sync(SyncPayload(planID: "plan", revision: 2, services: [], retired: ["s0"]))
        #expect(end.terminal?.type == .syncSucceeded && lane.autotask.calls.isEmpty && lane.state.bindings.isEmpty)
        #expect(end.report["message"] == "The plan no longer has any services" && end.report["counts"]?["total"] != 1)
        var plan = SyncPayload(planID: "other", services: [.sample(0)])
        plan.adopted = ["s0": 500]
        #expect(try await lane.sync(plan).outcomes == ["adopted"])
    }

    @Test func `an empty plan enables nothing, and can be previewed`() async throws {
        let lane = try await SyncBench()
        let empty = SyncPayload(planID: "plan", services: [], retired: ["s0"])
        #expect(try await lane.preview(empty).terminal?.type == .syncPreviewed)
        #expect(try await lane.sync(empty).events.map(\.type) == [.syncSucceeded])
        #expect(!lane.state.isEnabled)
    }

    @Test func `an ownership marker that identifies a service of the plan is not taken from it`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.state.bindings = []
        var plan = SyncPayload.plan(2)
        plan.adopted = ["s1": 500]
        let outcome = try await lane.sync(plan)
        #expect(outcome.errors.contains("adoption_refused") && lane.writes.isEmpty)
    }

    @Test func `an ownership marker of another tenant or product is never taken`() async throws {
        let lane = try await SyncBench()
        for (id, other) in [
            (900, Lane(tenant: TenantID("msp-9")!, product: .workplace)),
            (901, Lane(tenant: lane.bench.lane.tenant, product: .fileProtection)),
        ] as [(Int64, Lane)] {
            lane.add("Theirs \(id)", id: id, marker: lane.marker("s0", of: other))
            let outcome = try await lane.sync(adopting(["s0": id]))
            #expect(outcome.errors == ["adoption_refused"] && lane.writes.isEmpty)
        }
    }

    @Test func `an ownership marker of an earlier version is recognised, and replaced with the next write`() async throws {
        let lane = try await SyncBench()
        lane.state.epoch = 2
        lane.add("Elsewhere named", id: 900, marker: lane.formerMarker("s0"))
        #expect(try await lane.sync(.plan(1)).outcomes == ["adopted"])
        #expect(lane.services.count == 1 && lane.services[0]["internalID"] == .string(lane.marker("s0")))
    }

    @Test func `after a reset, a key whose own service exists is not bound to another`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.state.bindings = []
        lane.add("Another", id: 900)
        #expect(try await lane.sync(adopting(["s0": 900])).errors == ["adoption_refused"])
        #expect(lane.writes.isEmpty)
    }

    // MARK: Two lanes at once

    @Test func `a service that another lane bound between the look-up and the first write is refused`() async throws {
        let lane = try await SyncBench()
        lane.add("Service 0", id: 900)
        lane.bench.store.change { $0.linkedMeanwhile = [900] }
        let outcome = try await lane.sync(adopting(["s0": 900], in: .plan(2)))
        #expect(outcome.errors == ["adoption_refused", nil] && lane.writes.isEmpty)
        #expect(lane.state.openWrites.isEmpty && lane.services.count == 1)
    }

    @Test func `a binding is on record before the first write, and an attempt that dies binds only what it wrote`() async throws {
        let lane = try await SyncBench()
        lane.add("Service 0", id: 900)
        lane.autotask.fail("PATCH Services", .status(429))
        try await lane.sync(adopting(["s0": 900]), survives: false)
        #expect(lane.journal.first?.map(\.autotaskServiceID) == [900])
        lane.clock.advance(by: .seconds(300))
        #expect(try await lane.attempt(adopting(["s0": 900])).outcomes == ["adopted"])
        #expect(lane.services[0]["internalID"] == .string(lane.marker("s0")) && lane.state.openWrites.isEmpty)
    }
}
