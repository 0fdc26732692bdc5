import Autotask
import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("A diagnosis")
struct DiagnoseHandlerTests {
    typealias Name = DiagnosisStep.Name

    private let bench = Workbench()

    private func diagnose(_ state: LaneState) async throws -> HandlerOutcome {
        bench.autotask.forgetCalls()
        return try await DiagnoseHandler().run(DiagnosePayload(), bench.context(.diagnose, state: state))
    }

    /// A lane with a synchronized service, which shows a cost where the API user sees costs.
    private func syncedState() async throws -> LaneState {
        var state = try await bench.connectedState()
        bench.autotask.change {
            $0.databases[Workbench.databaseID]?.services = [
                [
                    "id": 500, "name": "License Monthly", "unitPrice": 9, "unitCost": .number("4.5"), "billingCodeID": 29_683_001,
                    "periodType": 2,
                    "isActive": true,
                ]
            ]
        }
        state.bindings = [ServiceBinding(planID: "plan", serviceKey: "license-monthly", autotaskServiceID: 500, status: .synced)]
        return state
    }

    private func results(_ outcome: HandlerOutcome) -> [String: String] {
        let steps = outcome.terminal?.members["steps"]?.array ?? []
        return Dictionary(steps.map { ($0["step"]?.string ?? "", $0["result"]?.string ?? "") }) { first, _ in first }
    }

    private func step(_ name: Name, of outcome: HandlerOutcome) throws -> JSON {
        try #require(outcome.terminal?.members["steps"]?.array?.first { $0["step"]?.string == name.rawValue })
    }

    /// The results of all steps that did not pass.
    private func findings(_ outcome: HandlerOutcome) -> [Name: String] {
        var findings: [Name: String] = [:]
        for (name, result) in results(outcome) where result != "passed" { findings[Name(rawValue: name)!] = result }
        return findings
    }

    private func isHealthy(_ outcome: HandlerOutcome) -> Bool? { outcome.terminal?.members["healthy"]?.bool }

    @Test func `if all is well every step passes, with six calls and one for the quota`() async throws {
        let outcome = try await diagnose(try await syncedState())
        #expect(outcome.terminal?.type == .connectionDiagnosed)
        #expect(outcome.terminal?.members["steps"]?.array?.compactMap { $0["step"]?.string } == Name.allCases.map(\.rawValue))
        // The model of Autotask sends no date.
        #expect(findings(outcome) == [.clock: "skipped"])
        #expect(isHealthy(outcome) == true)
        #expect(
            bench.autotask.allCalls.map(\.operation) == [
                "GET zoneInformation", "GET Version", "GET Services/entityInformation", "POST Services/query", "POST BillingCodes/query",
                "GET ThresholdInformation",
            ]
        )
        #expect(bench.apiCalls == 5)
        #expect(bench.autotask.calls.first?.header("Secret") == nil)
        guard case .set = outcome.changes.billingCodes else {
            Issue.record("the billing codes that were read are remembered")
            return
        }
    }

    @Test func `without a connection nothing is called, and each skipped step says why`() async throws {
        let outcome = try await diagnose(LaneState(epoch: 1))
        #expect(try step(.connection, of: outcome)["error"]?["code"] == "not_connected")
        #expect(findings(outcome).values.count { $0 == "skipped" } == 11)
        #expect(isHealthy(outcome) == false)
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test(arguments: [
        (ConnectionRecord.Status.credentialsRejected, "api_user_locked_or_inactive"), (.databaseMismatch, "database_changed"),
    ])
    func `with unusable credentials no call is made with them`(status: ConnectionRecord.Status, code: String) async throws {
        var state = try await syncedState()
        state.connection?.status = status
        let outcome = try await diagnose(state)
        #expect(try step(.connection, of: outcome)["error"]?["code"]?.string == code)
        #expect(bench.autotask.allCalls.map(\.operation) == ["GET zoneInformation"])
        #expect(results(outcome)["zone"] == "passed")
        #expect(try step(.credentials, of: outcome)["result"] == "skipped")
        #expect(try step(.credentials, of: outcome)["message"]?.string?.hasPrefix("Not tried: ") == true)
        #expect(bench.apiCalls == 1)
        #expect(isHealthy(outcome) == false)
    }

    // MARK: The network path

    @Test(arguments: [
        (HTTPError.Code.nameNotResolved, Name.nameResolution), (.addressNotPublic, .nameResolution), (.tlsFailed, .tls),
        (.cannotConnect, .tls),
        (.connectionLost, .tls), (.timedOut, .tls),
    ])
    func `an obstacle on the way to the look-up is reported`(code: HTTPError.Code, failed: Name) async throws {
        let state = try await syncedState()
        bench.autotask.fail("GET zoneInformation", .noAnswer(code, mayHaveBeenSent: false))
        let outcome = try await diagnose(state)
        #expect(results(outcome)[failed.rawValue] == "failed")
        #expect(results(outcome)["zone"] == "skipped")
        #expect(
            try step(failed, of: outcome)["message"]?.string?.contains(code == .addressNotPublic ? "not public" : FakeAutotask.lookupHost)
                == true
        )
        // The connection works nevertheless.
        #expect(results(outcome)["credentials"] == "passed")
    }

    @Test func `an obstacle on the way to the zone's own host is reported`() async throws {
        let state = try await syncedState()
        bench.autotask.fail("GET Version", .noAnswer(.tlsFailed, mayHaveBeenSent: false))
        let outcome = try await diagnose(state)
        #expect(findings(outcome)[.tls] == "failed")
        #expect(results(outcome)["nameResolution"] == "passed" && results(outcome)["zone"] == "passed")
        #expect(results(outcome)["credentials"] == "skipped" && results(outcome)["queryServices"] == "skipped")
        #expect(try step(.tls, of: outcome)["message"]?.string?.contains(Workbench.zoneHost) == true)
        #expect(bench.autotask.allCalls.map(\.operation) == ["GET zoneInformation", "GET Version"])
    }

    // MARK: The zone

    @Test func `a database that has moved is followed`() async throws {
        let state = try await syncedState()
        bench.autotask.change { $0.databases[Workbench.databaseID]?.host = "webservices29.autotask.net" }
        let outcome = try await diagnose(state)
        #expect(try step(.zone, of: outcome)["message"]?.string?.contains("has moved there") == true)
        #expect(isHealthy(outcome) == true)
        #expect(state.applying(outcome.changes).connection?.zone.apiURL.contains("webservices29") == true)
    }

    @Test func `another database stops all steps, and is reported as a lost connection`() async throws {
        let state = try await syncedState()
        bench.autotask.change { $0.users[Workbench.username]?.databaseID = Workbench.strangerDatabaseID }
        let outcome = try await diagnose(state)
        #expect(try step(.zone, of: outcome)["error"]?["code"] == "database_changed")
        #expect(results(outcome)["credentials"] == "skipped")
        #expect(bench.autotask.allCalls.map(\.operation) == ["GET zoneInformation"])
        #expect(outcome.events.map(\.type) == [.connectionLost, .connectionDiagnosed])
        #expect(state.applying(outcome.changes).connection?.status == .databaseMismatch)
    }

    @Test func `a user whom Autotask no longer knows fails its step`() async throws {
        let state = try await syncedState()
        bench.autotask.change { $0.users[Workbench.username] = nil }
        let outcome = try await diagnose(state)
        #expect(try step(.zone, of: outcome)["error"]?["code"] == "zone_not_found")
        #expect(try step(.credentials, of: outcome)["error"]?["code"] == "api_user_locked_or_inactive")
    }

    // MARK: Credentials and permissions

    @Test func `refused credentials are tried once, and the connection is lost as in any job`() async throws {
        let state = try await syncedState()
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        let outcome = try await diagnose(state)
        #expect(try step(.credentials, of: outcome)["error"]?["code"] == "api_user_locked_or_inactive")
        #expect(bench.autotask.allCalls.map(\.operation) == ["GET zoneInformation", "GET Version"])
        #expect(outcome.events.map(\.type) == [.connectionLost, .connectionDiagnosed])
        #expect(results(outcome)["quota"] == "skipped")
        let after = state.applying(outcome.changes)
        #expect(after.connection?.status == .credentialsRejected)
        #expect(after.refusedCredentials.count == 1)
    }

    @Test(arguments: [("Query", Name.queryServices), ("Create", .createServices), ("Update", .updateServices)])
    func `a missing permission fails only its own step`(verb: String, name: Name) async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.databases[Workbench.databaseID]?.access[verb] = false }
        let outcome = try await diagnose(state)
        #expect(findings(outcome).filter { $0.value == "failed" } == [name: "failed"])
        let failed = try step(name, of: outcome)
        #expect(failed["error"]?["code"] == "permission_denied")
        #expect(failed["message"]?.string?.contains("may not \(verb.lowercased()) services") == true)
        #expect(failed["hint"]?.string?.isEmpty == false)
        #expect(results(outcome)["queryBillingCodes"] == "passed")
    }

    @Test func `billing codes that may not be queried fail their step, and an empty list is a warning`() async throws {
        let state = try await bench.connectedState()
        let text = "The logged in Resource does not have the adequate permissions to query this entity type."
        bench.autotask.fail("POST BillingCodes/query", .status(500, body: #"{"errors":["\#(text)"]}"#))
        #expect(try step(.queryBillingCodes, of: try await diagnose(state))["error"]?["code"] == "permission_denied")
        bench.autotask.change { $0.databases[Workbench.databaseID]?.billingCodes = [FakeAutotask.billingCode(4, "Travel", useType: 2)] }
        let outcome = try await diagnose(state)
        #expect(findings(outcome)[.queryBillingCodes] == "warning")
        #expect(isHealthy(outcome) == true)
    }

    @Test func `synchronized services that are no longer visible are reported`() async throws {
        let state = try await syncedState()
        bench.autotask.change { $0.databases[Workbench.databaseID]?.services = [] }
        let step = try step(.queryServices, of: try await diagnose(state))
        #expect(step["result"] == "warning")
        #expect(step["message"]?.string?.contains("1 of 1") == true)
    }

    @Test(arguments: [(true, Bool?.none, "passed"), (false, nil, "skipped"), (false, false, "warning"), (false, true, "warning")])
    func `the visibility of costs is reported`(shows: Bool, remembered: Bool?, result: String) async throws {
        var state = try await syncedState()
        state.connection?.capabilities.costVisible = remembered
        bench.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = !shows }
        let outcome = try await diagnose(state)
        #expect(results(outcome)["costVisibility"] == result)
        #expect(isHealthy(outcome) == true)
        if shows { #expect(state.applying(outcome.changes).connection?.capabilities.costVisible == true) }
    }

    // MARK: Quota and clock

    @Test(arguments: [(0, "passed"), (7400, "passed"), (7600, "warning"), (9200, "failed")])
    func `the usage of the quota is reported`(used: Int, result: String) async throws {
        let state = try await syncedState()
        bench.autotask.change { $0.databases[Workbench.databaseID]?.quotaUsed = used }
        let outcome = try await diagnose(state)
        #expect(results(outcome)["quota"] == result)
        #expect(try step(.quota, of: outcome)["message"]?.string?.contains("of 10,000 requests") == true)
        if result == "failed" { #expect(try step(.quota, of: outcome)["error"]?["code"] == "rate_limited") }
    }

    @Test func `if calls are held back the quota is still requested, and nothing is deferred`() async throws {
        let state = try await syncedState()
        bench.autotask.change { $0.databases[Workbench.databaseID]?.quotaUsed = 9200 }
        _ = try await diagnose(state)
        let outcome = try await diagnose(state)
        #expect(outcome.terminal?.type == .connectionDiagnosed)
        #expect(results(outcome)["credentials"] == "skipped" && results(outcome)["quota"] == "failed")
        #expect(bench.autotask.allCalls.map(\.operation) == ["GET zoneInformation"])
    }

    @Test func `an Autotask that does not return the usage is no failure`() async throws {
        let state = try await syncedState()
        bench.autotask.fail(FakeAutotask.question, .status(403, body: #"{"Message":"No."}"#))
        let outcome = try await diagnose(state)
        #expect(results(outcome)["quota"] == "warning")
        #expect(isHealthy(outcome) == true)
    }

    @Test(arguments: [503, 429, 502])
    func `a request that failed temporarily does not blame the security level`(status: Int) async throws {
        let state = try await syncedState()
        bench.autotask.fail(FakeAutotask.question, .status(status))
        let outcome = try await diagnose(state)
        #expect(results(outcome)["quota"] == "skipped" || results(outcome)["quota"] == "failed")
        let step = try step(.quota, of: outcome)
        #expect(step["hint"]?.string?.contains("security level") != true)
        #expect(step["message"]?.string?.contains("Within the hour") == true)
    }

    @Test(arguments: [
        ("Sun, 22 Nov 2026 08:00:59 GMT", "passed"), ("Sun, 22 Nov 2026 08:01:00 GMT", "warning"),
        ("Sun, 22 Nov 2026 07:58:00 GMT", "warning"),
        ("yesterday", "skipped"),
    ])
    func `a clock that is a minute wrong is a warning`(date: String, result: String) async throws {
        let state = try await syncedState()
        let version = #"{"majorVersion":"2026","minorVersion":"2"}"#
        bench.autotask.fail("GET Version", .status(200, body: version, headers: [(name: "date", value: date)]))
        let outcome = try await diagnose(state)
        #expect(results(outcome)["clock"] == result)
    }

    // MARK: Other events

    @Test func `a program that ends leaves the diagnosis to the next one`() async throws {
        let state = try await syncedState()
        bench.autotask.fail("GET Services/entityInformation", .noAnswer(.cancelled))
        let outcome = try await diagnose(state)
        guard case .postponed = outcome.ending else {
            Issue.record("\(outcome.ending)")
            return
        }
        #expect(outcome.terminal == nil)
    }

    @Test func `nothing secret is reported`() async throws {
        let state = try await syncedState()
        let outcome = try await diagnose(state)
        for event in outcome.events {
            let text = String(decoding: event.data, as: UTF8.self)
            #expect(!text.contains(Workbench.secret) && !text.contains(Workbench.username) && !text.contains(Workbench.vendorCode))
        }
    }
}
