import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Sync: refusals before anything is written")
struct SyncRefusalTests {
    @Test func `without a connection every service is listed with its status, and no call is made`() async throws {
        let lane = try await SyncBench(connected: false)
        let outcome = try await lane.sync(.plan(4))
        #expect(outcome.terminal?.type == .syncFailed)
        #expect(outcome.terminal?.errorCode == "not_connected")
        #expect(outcome.statuses == Array(repeating: "Not synced", count: 4))
        #expect(Set(outcome.outcomes) == ["notAttempted"])
        #expect(outcome.report["webUrl"] == nil)
        #expect(lane.autotask.calls.isEmpty)
    }

    @Test(arguments: [
        (ConnectionRecord.Status.credentialsRejected, "api_user_locked_or_inactive"), (.databaseMismatch, "database_changed"),
    ])
    func `a lost connection fails the job and keeps what is known`(status: ConnectionRecord.Status, code: String) async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        lane.state.connection?.status = status
        let outcome = try await lane.sync(.plan(3))
        #expect(outcome.terminal?.type == .syncFailed)
        #expect(outcome.terminal?.errorCode == code)
        #expect(outcome.statuses == ["Synced", "Synced", "Not synced"])
        #expect(Set(outcome.outcomes) == ["notAttempted"])
        #expect(lane.autotask.calls.isEmpty)
        #expect(outcome.changes.bindings.isEmpty)
    }

    @Test func `a synced service that the plan omits is named, and nothing is done`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(3))
        let outcome = try await lane.sync(.plan(1))
        #expect(outcome.terminal?.type == .jobRejected)
        #expect(outcome.terminal?.errorCode == "plan_incomplete")
        let message = try #require(outcome.report["error"]?["message"]?.string)
        #expect(message.contains("s1") && message.contains("s2"))
        #expect(lane.autotask.calls.isEmpty && lane.state.bindings.count == 3)
    }

    @Test func `a service that never reached Autotask may leave the plan`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2).with(1) { $0.unitPrice = .missing })
        #expect(lane.binding("s1")?.status == .error)
        #expect(try await lane.sync(.plan(1)).terminal?.type == .syncSucceeded)
    }

    @Test func `one invalid service keeps all from being written`() async throws {
        let lane = try await SyncBench()
        let outcome = try await lane.sync(.plan(4).with(1) { $0.unitPrice = .malformed })
        #expect(outcome.terminal?.type == .syncFailed)
        #expect(outcome.outcomes == ["notAttempted", "invalid", "notAttempted", "notAttempted"])
        #expect(outcome.statuses == ["Not synced", "Error", "Not synced", "Not synced"])
        #expect(outcome.errors == [nil, "price_invalid", nil, nil])
        #expect(outcome.terminal?.errorCode == "price_invalid")
        #expect(outcome.report["message"] == "Nothing was changed: 1 of 4 services is not valid")
        #expect(lane.writes.isEmpty && lane.services.isEmpty)
        #expect(lane.binding("s1")?.lastErrorCode == .priceInvalid)
        #expect(outcome.changes.becomesEnabled == false)
        #expect(try await lane.sync(.plan(4)).statuses == Array(repeating: "Synced", count: 4))
    }

    @Test func `an invalid plan and its conflicts in Autotask are reported together`() async throws {
        let lane = try await SyncBench()
        lane.add("service 2", id: 7, isActive: false)
        let plan = SyncPayload.plan(3).with(0) { $0.name = " \n" }.with(1) { $0.billingCodeID = .value(29_683_004) }
        let outcome = try await lane.sync(plan)
        #expect(outcome.errors == ["name_invalid", "billing_code_wrong_type", "service_name_conflict"])
        #expect(outcome.service(2)["error"]?["message"]?.string?.contains("(id 7, inactive)") == true)
        #expect(outcome.terminal?.errorCode == "name_invalid")
        #expect(lane.writes.isEmpty)
    }

    @Test func `an invalid plan does not wait for an unavailable Autotask`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services/query", .noAnswer(.timedOut))
        let outcome = try await lane.sync(.plan(2).with(0) { $0.unitCost = .missing })
        #expect(outcome.terminal?.type == .syncFailed)
        #expect(outcome.deferral == nil)
        #expect(outcome.errors == ["cost_invalid", nil])
    }

    @Test(arguments: [
        (29_683_003, "billing_code_inactive"), (29_683_004, "billing_code_wrong_type"), (1, "billing_code_not_found"),
    ])
    func `a billing code that cannot be assigned is an error`(code: Int64, error: String) async throws {
        let lane = try await SyncBench()
        let outcome = try await lane.sync(.plan(2).with(1) { $0.billingCodeID = .value(code) })
        #expect(outcome.errors == [nil, error])
        #expect(outcome.service(1)["error"]?["field"] == "billingCodeId")
    }

    @Test func `a service may keep a billing code that became inactive`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.autotask.change { $0.databases[Workbench.databaseID]?.billingCodes[0]["isActive"] = false }
        lane.clock.advance(by: .seconds(1000))
        let outcome = try await lane.sync(.plan(1).with(0) { $0.unitPrice = .value(.amount("10")) })
        #expect(outcome.statuses == ["Synced"])
    }

    @Test func `a different period in Autotask is an error, and no second service is created`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        let outcome = try await lane.sync(.plan(2).with(0) { $0.period = .value(.yearly) })
        #expect(outcome.errors == ["period_mismatch", nil])
        #expect(outcome.statuses == ["Error", "Synced"])
        #expect(lane.writes.isEmpty)
        #expect(lane.binding("s0")?.autotaskServiceID != nil)
    }

    @Test(arguments: [true, false])
    func `a foreign service of the same name is a conflict, active or not, and stays unchanged`(isActive: Bool) async throws {
        let lane = try await SyncBench()
        lane.add("SERVICE 1", id: 42, isActive: isActive)
        let outcome = try await lane.sync(.plan(2))
        #expect(outcome.errors == [nil, "service_name_conflict"])
        let message = outcome.service(1)["error"]?["message"]?.string
        #expect(message?.contains("(id 42, \(isActive ? "active" : "inactive"))") == true)
        #expect(lane.services.count == 1 && lane.writes.isEmpty)
    }

    @Test func `a missing permission to read fails the job with its name`() async throws {
        let lane = try await SyncBench()
        let text = "The logged in Resource does not have the adequate permissions to query this entity type"
        lane.autotask.fail("POST Services/query", .status(500, body: #"{"errors":["\#(text)"]}"#))
        let outcome = try await lane.sync(.plan(2))
        #expect(outcome.terminal?.type == .syncFailed)
        #expect(outcome.terminal?.errorCode == "permission_denied")
        #expect(Set(outcome.outcomes) == ["notAttempted"])
    }
}
