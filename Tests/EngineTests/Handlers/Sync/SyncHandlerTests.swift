import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

@Suite("Sync: a plan reaches Autotask")
struct SyncHandlerTests {
    @Test(arguments: [1, 4, 250])
    func `a first sync creates every service, and reads no more than necessary`(count: Int) async throws {
        let lane = try await SyncBench()
        let outcome = try await lane.sync(.plan(count))
        #expect(outcome.events.map(\.type) == [.syncSucceeded, .integrationEnabled])
        #expect(outcome.each("key") == (0..<count).map { "s\($0)" })
        #expect(Set(outcome.outcomes) == ["created"] && Set(outcome.statuses) == ["Synced"])
        #expect(lane.writes.count == count && lane.services.count == count)
        #expect(lane.autotask.calls.count == count + 3)
        #expect(outcome.report["apiCalls"] == JSON(count + 3))
        #expect(lane.bench.apiCalls == count + 3)
        #expect(outcome.report["message"]?.string == (count == 1 ? "1 service is synced" : "\(count) services are synced"))
        #expect(lane.state.openWrites.isEmpty && lane.state.isEnabled)
        #expect(lane.autotask.maximumInFlight == 1)
    }

    @Test func `a create sends only the managed fields and the marker, amounts as numbers`() async throws {
        let lane = try await SyncBench()
        let plan = SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("0.0125")) }
        try await lane.sync(plan)
        let body = try #require(lane.writes.first?.body?.object)
        #expect(
            body == [
                "name": "Service 0", "unitPrice": .number("0.0125"), "unitCost": .number("4.50"), "billingCodeID": 29_683_001,
                "periodType": 2, "internalID": .string(lane.marker("s0")),
            ]
        )
    }

    @Test(arguments: [1, 4, 250])
    func `an unchanged sync writes nothing, and stores nothing for its services`(count: Int) async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(count))
        let outcome = try await lane.sync(.plan(count))
        #expect(outcome.events.map(\.type) == [.syncSucceeded])
        #expect(Set(outcome.outcomes) == ["unchanged"])
        #expect(lane.writes.isEmpty && lane.journal.isEmpty)
        #expect(lane.autotask.calls.count <= 2)
        #expect(outcome.changes.bindings.isEmpty && outcome.changes.journal.isEmpty)
        guard case .keep = outcome.changes.connection else {
            Issue.record("the connection did not change")
            return
        }
    }

    @Test func `one changed price is one PATCH of that field and the id, and is read back`() async throws {
        let lane = try await SyncBench()
        let plan = SyncPayload.plan(4)
        try await lane.sync(plan)
        let outcome = try await lane.sync(plan.with(2) { $0.unitPrice = .value(.amount("9.50")) })
        #expect(lane.writes.map(\.operation) == ["PATCH Services"])
        let id = try #require(lane.service(named: "Service 2")?["id"])
        #expect(lane.writes.first?.body == ["id": id, "unitPrice": .number("9.50")])
        #expect(lane.autotask.operations == ["POST Services/query", "PATCH Services", "POST Services/query"])
        #expect(outcome.outcomes == ["unchanged", "unchanged", "updated", "unchanged"])
        #expect(outcome.service(2)["changes"] == [["field": "unitPrice", "from": "9.00", "to": "9.50"]])
        #expect(outcome.service(2)["overwritten"] == [])
    }

    @Test func `an edit made in Autotask is overridden and reported`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        lane.edit("Service 0", "unitPrice", .number("19.99"))
        lane.edit("Service 1", "name", "Renamed in Autotask")
        let outcome = try await lane.sync(.plan(2).with(0) { $0.unitCost = .value(.amount("5")) })
        #expect(outcome.outcomes == ["updated", "updated"])
        #expect(outcome.service(0)["overwritten"] == [["field": "unitPrice", "from": "19.99", "to": "9.00"]])
        #expect(outcome.service(1)["overwritten"] == [["field": "name", "from": "Renamed in Autotask", "to": "Service 1"]])
        #expect(
            outcome.service(0)["changes"] == [
                ["field": "unitPrice", "from": "19.99", "to": "9.00"], ["field": "unitCost", "from": "4.50", "to": "5.00"],
            ]
        )
    }

    @Test func `an inactive service stays inactive, is updated, and counts as synced`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.edit("Service 0", "isActive", false)
        let outcome = try await lane.sync(.plan(1).with(0) { $0.unitPrice = .value(.amount("10")) })
        #expect(outcome.statuses == ["Synced"])
        #expect(outcome.service(0)["active"] == false)
        #expect(lane.writes.allSatisfy { $0.body?["isActive"] == nil })
        #expect(lane.services.first?["isActive"] == false)
    }

    @Test func `after a reset our own services are adopted by their markers, changed or not`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(3))
        let ids = lane.services.map { $0["id"] }
        lane.state = try await lane.bench.connectedState(LaneState(epoch: 2))
        lane.edit("Service 1", "name", "Renamed in Autotask")
        let outcome = try await lane.sync(.plan(3))
        #expect(outcome.events.map(\.type) == [.syncSucceeded, .integrationEnabled])
        #expect(outcome.outcomes == ["adopted", "adopted", "adopted"])
        #expect(outcome.service(1)["changes"] == [["field": "name", "from": "Renamed in Autotask", "to": "Service 1"]])
        #expect(lane.services.map { $0["id"] } == ids)
        #expect(lane.writes.count == 1)
    }

    @Test func `of two services with one marker, the bound one or else the first is used, and the other is reported`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.add("Service 0", id: 900, marker: lane.marker("s0"))
        let bound = try await lane.sync(.plan(1))
        #expect(bound.outcomes == ["unchanged"])
        #expect(bound.warnings(0) == ["duplicate_service"])
        lane.state.bindings = []
        lane.add("Copy", id: 2, marker: lane.marker("s0"))
        let unbound = try await lane.sync(.plan(1))
        #expect(unbound.service(0)["autotaskServiceId"] == 2)
        #expect(unbound.warnings(0) == ["duplicate_service"])
    }

    @Test func `a bound service that is missing is created again, once, with a warning`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        lane.edit { $0.removeFirst() }
        let outcome = try await lane.sync(.plan(2))
        #expect(outcome.outcomes == ["recreated", "unchanged"])
        #expect(outcome.warnings(0) == ["service_recreated"])
        #expect(try await lane.sync(.plan(2)).outcomes == ["unchanged", "unchanged"])
    }

    @Test func `a created service that stays invisible is not created repeatedly`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services/query", .status(200, body: #"{"items":[],"pageDetails":{}}"#))
        lane.autotask.fail("POST Services/query", .status(200, body: #"{"items":[],"pageDetails":{}}"#))
        let first = try await lane.sync(.plan(1))
        #expect(first.errors == ["not_visible"] && first.statuses == ["Error"])
        lane.autotask.fail("POST Services/query", .status(200, body: #"{"items":[],"pageDetails":{}}"#))
        let second = try await lane.sync(.plan(1))
        #expect(second.terminal?.type == .syncFailed)
        #expect(second.errors == ["not_visible"])
        #expect(lane.writes.isEmpty && lane.services.count == 1)
        #expect(try await lane.sync(.plan(1)).statuses == ["Synced"])
    }

    @Test func `the marker is written to a service that lacks it only with another change, and never over a foreign value`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        lane.edit("Service 0", "internalID", "")
        lane.edit("Service 1", "internalID", "ACCOUNTING-7")
        #expect(try await lane.sync(.plan(2)).outcomes == ["unchanged", "unchanged"])
        var plan = SyncPayload.plan(2)
        for index in 0..<2 { plan = plan.with(index) { $0.unitPrice = .value(.amount("10")) } }
        try await lane.sync(plan)
        #expect(lane.writes.map { $0.body?["internalID"]?.string } == [lane.marker("s0"), nil])
    }

    @Test func `two plans of a lane do not touch each other's services`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        let other = SyncPayload(planID: "other", services: [.sample(0, name: "Another")])
        #expect(try await lane.sync(other).outcomes == ["created"])
        #expect(try await lane.sync(.plan(2)).outcomes == ["unchanged", "unchanged"])
        #expect(lane.state.bindings.count == 3)
    }

    @Test func `a retired service is unbound, and stays in Autotask`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        var plan = SyncPayload.plan(1, revision: 2)
        plan.retired = ["s1"]
        let outcome = try await lane.sync(plan)
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(lane.writes.isEmpty && lane.services.count == 2)
        #expect(lane.binding("s1") == nil)
        #expect(try await lane.sync(.plan(1, revision: 3)).terminal?.type == .syncSucceeded)
    }

    @Test func `an executed plan is remembered by its revision, and the event names plan, revision and list`() async throws {
        let lane = try await SyncBench()
        let outcome = try await lane.sync(.plan(1, revision: 7))
        #expect(outcome.changes.ranRevision?.planID == "plan" && outcome.changes.ranRevision?.revision == 7)
        #expect(outcome.report["planId"] == "plan" && outcome.report["revision"] == 7)
        #expect(outcome.report["webUrl"] == "https://ww14.autotask.net/")
        #expect(outcome.report["counts"] == ["total": 1, "created": 1, "synced": 1, "error": 0, "notSynced": 0])
    }

    @Test func `start and progress are published only when something is written`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        let told = lane.bench.sink.offered
        #expect(told.map(\.event.type) == [.syncStarted, .syncProgress, .syncProgress])
        #expect(told.allSatisfy { $0.sequence == nil && $0.epoch == 1 })
        let last = try #require(told.last?.event.members)
        #expect(last["done"] == 2 && last["total"] == 2 && last["serviceKey"] == "s1")
        try await lane.sync(.plan(2))
        #expect(lane.bench.sink.offered.count == 3)
    }

    @Test func `progress reports a service as synced once Autotask accepted the write, whatever it was before`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        let same = try await lane.sync(.plan(2).with(1) { $0.name = SyncPayload.plan(2).services[0].name })
        #expect(same.statuses == ["Error", "Error"])
        try await lane.sync(.plan(2).with(0) { $0.unitPrice = .value(.amount("9.50")) })
        #expect(lane.bench.sink.offered.map { $0.event.members["status"]?.string } == [nil, "Synced", "Synced", nil, "Synced"])
    }

    @Test func `an API user who cannot see costs gets a warning, and no cost is written repeatedly`() async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = true }
        let first = try await lane.sync(.plan(2))
        #expect(first.statuses == ["Synced", "Synced"])
        #expect(first.warnings(0) == ["cost_not_stored"])
        #expect(lane.state.connection?.capabilities.costVisible == false)
        let second = try await lane.sync(.plan(2))
        #expect(second.outcomes == ["unchanged", "unchanged"])
        #expect(second.warnings(1) == ["cost_not_stored"])
        #expect(lane.writes.isEmpty)
        let third = try await lane.sync(.plan(2).with(0) { $0.unitPrice = .value(.amount("9.50")) })
        #expect(third.statuses == ["Synced", "Synced"])
        #expect(lane.writes.first?.body?["unitCost"] == nil)
    }

    @Test func `a cost that becomes visible again is compared again`() async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = true }
        try await lane.sync(.plan(2))
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = false }
        lane.edit("Service 0", "unitCost", .number("1.00"))
        let outcome = try await lane.sync(.plan(2))
        #expect(outcome.outcomes == ["updated", "updated"])
        #expect(lane.state.connection?.capabilities.costVisible == true)
        #expect(outcome.service(0)["changes"] == [["field": "unitCost", "from": "1.00", "to": "4.50"]])
    }

    @Test func `a cost above the price is a warning`() async throws {
        let lane = try await SyncBench()
        let outcome = try await lane.sync(.plan(1).with(0) { $0.unitCost = .value(.amount("9.01")) })
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(outcome.warnings(0) == ["negative_margin"])
    }

    @Test func `remembered billing codes save a call, unless they contradict a service`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        try await lane.sync(.plan(2))
        #expect(!lane.autotask.operations.contains("POST BillingCodes/query"))
        lane.autotask.change { $0.databases[Workbench.databaseID]?.billingCodes[2]["isActive"] = true }
        let mended = try await lane.sync(.plan(2).with(0) { $0.billingCodeID = .value(29_683_003) })
        #expect(lane.autotask.operations.contains("POST BillingCodes/query"))
        #expect(mended.outcomes == ["updated", "unchanged"])
        lane.clock.advance(by: .seconds(600))
        try await lane.sync(.plan(3).with(0) { $0.billingCodeID = .value(29_683_003) })
        #expect(lane.autotask.operations.contains("POST BillingCodes/query"))
    }

    @Test func `field metadata from another version is read again`() async throws {
        let lane = try await SyncBench()
        lane.state.connection?.serviceFields = Array("{}".utf8)
        #expect(try await lane.sync(.plan(1)).statuses == ["Synced"])
        #expect(lane.autotask.operations.first == "GET Services/entityInformation/fields")
        try await lane.sync(.plan(1))
        #expect(lane.autotask.operations == ["POST Services/query"])
    }
}
