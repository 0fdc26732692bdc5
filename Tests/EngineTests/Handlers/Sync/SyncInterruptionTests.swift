import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Sync: interruptions in the middle")
struct SyncInterruptionTests {
    // MARK: The journal

    @Test func `each write is on record before it is sent, and confirmed with the next`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(3))
        let states = lane.journal.map { entries in entries.map { "\($0.serviceKey) \($0.state.rawValue)" } }
        #expect(
            states == [
                ["s1 intended", "s2 intended", "s0 sent"],
                ["s0 confirmed", "s1 sent"],
                ["s1 confirmed", "s2 sent"],
                ["s2 confirmed"],
            ]
        )
        #expect(lane.state.openWrites.isEmpty)
    }

    @Test func `a store that lost the lane stops the sync before the write`() async throws {
        let lane = try await SyncBench()
        lane.bench.store.change { $0.error = .fenced }
        await #expect(throws: StoreError.self) { try await lane.sync(.plan(2)) }
        #expect(lane.services.isEmpty)
    }

    // MARK: Lost answers

    @Test func `a create whose answer was lost is left alone, looked for, and found`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .lostAnswer)
        let lost = try await lane.sync(.plan(3))
        let sentAt = lane.clock.now
        #expect(lost.deferral?.error.code == .outcomeUnknown)
        #expect(lost.deferral?.earliest == sentAt + .seconds(300))
        #expect(lane.writes.count == 1)

        lane.clock.advance(by: .seconds(299))
        let early = try await lane.attempt(.plan(3))
        #expect(early.deferral?.earliest == sentAt + .seconds(300))
        #expect(lane.autotask.calls.isEmpty)

        lane.clock.advance(by: .seconds(1))
        let settled = try await lane.attempt(.plan(3))
        #expect(settled.terminal?.type == .syncSucceeded)
        #expect(settled.outcomes == ["created", "created", "created"])
        #expect(lane.writes.count == 2 && lane.services.count == 3)
        #expect(lane.state.openWrites.isEmpty)
    }

    @Test func `a create whose answer was lost, and whose service is missing, is repeated`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .noAnswer(.timedOut))
        let outcome = try await lane.syncToEnd(.plan(2))
        #expect(outcome.outcomes == ["created", "created"])
        #expect(lane.services.count == 2)
    }

    @Test func `another job also waits for a create whose answer was lost`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .lostAnswer)
        try await lane.sync(.plan(1))
        let other = try await lane.sync(SyncPayload(planID: "other", services: [.sample(9)]))
        #expect(other.deferral?.error.code == .outcomeUnknown)
        #expect(lane.autotask.calls.isEmpty)
        lane.clock.advance(by: .seconds(300))
        #expect(try await lane.sync(.plan(1)).outcomes == ["created"])
        #expect(lane.services.count == 1)
    }

    @Test func `a write that a reset left unresolved is waited for`() async throws {
        let lane = try await SyncBench()
        lane.state.unsettledSince = lane.clock.now - .seconds(200)
        #expect(try await lane.sync(.plan(1)).deferral?.earliest == lane.clock.now + .seconds(100))
        lane.clock.advance(by: .seconds(100))
        #expect(try await lane.attempt(.plan(1)).statuses == ["Synced"])
    }

    @Test func `without a marker field a lost create is recognised by its name`() async throws {
        let lane = try await SyncBench()
        lane.removeMarkerFields()
        lane.autotask.fail("POST Services", .lostAnswer)
        let outcome = try await lane.syncToEnd(.plan(2))
        #expect(outcome.outcomes == ["created", "created"])
        #expect(lane.services.count == 2)
        #expect(lane.services.allSatisfy { $0["internalID"] == nil })
    }

    @Test func `without a marker field a lost create is found by the name that it was sent with, whatever its present name in the plan`()
        async throws
    {
        for isUnique in [true, false] {
            let lane = try await SyncBench()
            lane.removeMarkerFields()
            lane.autotask.change { $0.databases[Workbench.databaseID]?.hasUniqueNames = isUnique }
            lane.autotask.fail("POST Services", .lateCommit)
            try await lane.sync(.plan(2))
            lane.autotask.land()
            lane.clock.advance(by: .seconds(300))
            let outcome = try await lane.sync(.plan(2, revision: 2).with(0) { $0.name = "Renamed" })
            #expect(outcome.outcomes == ["created", "created"] && lane.services.count == 2)
            #expect(lane.service(named: "Renamed")?["id"] == 500 && lane.state.openWrites.isEmpty)
        }
    }

    @Test func `a lost create without an ownership marker is found although the tenant now has a field for markers`() async throws {
        let lane = try await SyncBench()
        let fields = lane.state.connection?.serviceFields
        lane.removeMarkerFields()
        lane.autotask.fail("POST Services", .lateCommit)
        try await lane.sync(.plan(1))
        lane.autotask.land()
        lane.state.connection?.serviceFields = fields ?? []
        lane.clock.advance(by: .seconds(300))
        #expect(try await lane.sync(.plan(1)).outcomes == ["created"])
        #expect(lane.services.count == 1)
    }

    @Test func `a service bound by another lane is not taken for a lost create`() async throws {
        let lane = try await SyncBench()
        lane.removeMarkerFields()
        lane.autotask.fail("POST Services", .noAnswer(.timedOut))
        try await lane.sync(.plan(1))
        lane.add("Service 0", id: 900)
        lane.bench.store.change { $0.linked = [900] }
        lane.clock.advance(by: .seconds(300))
        #expect(try await lane.attempt(.plan(1)).errors == ["service_name_conflict"])
    }

    @Test func `an update whose answer was lost is compared again, and reported`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        let plan = SyncPayload.plan(2).with(0) { $0.unitPrice = .value(.amount("11")) }
        lane.autotask.fail("PATCH Services", .lostAnswer)
        #expect(try await lane.sync(plan).deferral?.error.code == .outcomeUnknown)
        lane.clock.advance(by: .seconds(300))
        let outcome = try await lane.attempt(plan)
        #expect(lane.writes.isEmpty)
        #expect(outcome.outcomes == ["updated", "unchanged"])
        #expect(outcome.service(0)["changes"] == [["field": "unitPrice", "from": "9.00", "to": "11.00"]])
    }

    @Test func `a worker that died after a create finds it, and creates nothing twice`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .lostAnswer)
        try await lane.sync(.plan(3), survives: false)
        #expect(lane.state.openWrites.contains { $0.state == .sent })
        lane.clock.advance(by: .seconds(300))
        let outcome = try await lane.attempt(.plan(3))
        #expect(outcome.outcomes == ["created", "created", "created"])
        #expect(lane.services.count == 3)
    }

    @Test func `after a worker died before the outcome was stored, the next attempt reports all of it`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        lane.edit { $0.removeFirst() }
        let plan = SyncPayload.plan(3).with(1) { $0.unitPrice = .value(.amount("11")) }
        try await lane.sync(plan, survives: false)
        let outcome = try await lane.attempt(plan)
        #expect(lane.writes.isEmpty)
        #expect(outcome.outcomes == ["recreated", "updated", "created"])
        #expect(outcome.warnings(0) == ["service_recreated"])
        #expect(Set(outcome.statuses) == ["Synced"])
        #expect(lane.state.openWrites.isEmpty)
    }

    // MARK: Transient failures

    @Test func `throttling defers the batch, which continues where it stopped`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.autotask.fail("POST Services", .status(429, body: "", headers: [("retry-after", "60")]))
        let deferred = try await lane.sync(.plan(4))
        #expect(deferred.deferral?.error.code == .rateLimited)
        #expect(deferred.deferral?.earliest == lane.clock.now + .seconds(60))
        #expect(lane.state.openWrites.allSatisfy { $0.state != .sent })
        lane.clock.advance(by: .seconds(60))
        let outcome = try await lane.attempt(.plan(4))
        #expect(outcome.outcomes == ["unchanged", "created", "created", "created"])
        #expect(lane.services.count == 4)
    }

    @Test func `services that an earlier attempt created are reported as created, and so are its calls`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services/query", .status(200, body: #"{"items":[],"pageDetails":{}}"#), .noAnswer(.timedOut))
        let deferred = try await lane.sync(.plan(2))
        #expect(deferred.deferral?.error.code == .timeout)
        #expect(deferred.failure?.type == .syncIncomplete)
        #expect(lane.services.count == 2)
        let outcome = try await lane.attempt(.plan(2))
        #expect(outcome.outcomes == ["created", "created"])
        #expect(outcome.statuses == ["Synced", "Synced"])
        #expect(lane.autotask.calls.count == 1)
    }

    @Test func `an attempt that takes too long is deferred at a service boundary`() async throws {
        let lane = try await SyncBench(settings: EngineSettings(attemptDeadline: .zero))
        let outcome = try await lane.sync(.plan(2))
        #expect(outcome.deferral?.error.code == .timeout)
        #expect(lane.writes.isEmpty && lane.journal.isEmpty)
    }

    // MARK: Lasting failures

    @Test func `a refusal of one service does not keep the others from being written`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .status(500, body: #"{"errors":["Name: a name is required."]}"#))
        let outcome = try await lane.sync(.plan(3))
        #expect(outcome.terminal?.type == .syncIncomplete)
        #expect(outcome.outcomes == ["rejected", "created", "created"])
        #expect(outcome.statuses == ["Error", "Synced", "Synced"])
        #expect(outcome.errors == ["remote_rejected", nil, nil])
        #expect(outcome.report["message"] == "2 of 3 services are synced")
        #expect(lane.bench.sink.offered.map { $0.event.members["status"]?.string } == [nil, "Error", "Synced", "Synced"])
        #expect(outcome.service(0)["error"]?["remote"]?["message"] == "Name: a name is required.")
        #expect(!lane.state.isEnabled && lane.state.openWrites.isEmpty)
        #expect(try await lane.sync(.plan(3)).events.map(\.type) == [.syncSucceeded, .integrationEnabled])
    }

    @Test(
        arguments: [
            "Der Abrechnungscode ist ungültig.", "El código no es válido.", "Die Transaktion wurde abgebrochen (Fehler 4711).", "未対応です。",
            "Le prix est refusé",
        ]
    )
    func `an unknown text is settled once, and is a refusal when it comes again`(text: String) async throws {
        let lane = try await SyncBench()
        let answers = ["Error 17: \(text)", "Error 18: \(text)"].map { FakeAutotask.Fault.status(500, body: #"{"errors":["\#($0)"]}"#) }
        lane.autotask.fail("POST Services", answers[0], .none, .none)
        let first = try await lane.sync(.plan(3))
        #expect(first.deferral?.error.code == .outcomeUnknown && first.deferral?.error.remote?.message?.contains(text) == true)
        #expect(lane.writes.count == 3, "the others are written")
        lane.clock.advance(by: lane.bench.settings.settleTime)
        lane.autotask.fail("POST Services", answers[1])
        let second = try await lane.attempt(.plan(3))
        #expect(second.terminal?.type == .syncIncomplete && second.outcomes.first == "rejected")
        #expect(second.errors == ["remote_rejected", nil, nil])
        #expect(second.service(0)["error"]?["message"]?.string?.contains(text) == true)
        #expect(lane.services.count == 2 && lane.state.openWrites.isEmpty)
        #expect(try await lane.sync(.plan(3)).events.map(\.type) == [.syncSucceeded, .integrationEnabled])
    }

    @Test func `an unknown text that does not come again is no refusal`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        let dearer = SyncPayload.plan(1).with(0) { $0.unitPrice = .value(.amount("7")) }
        for text in ["Das Ausführungstimeout ist abgelaufen.", "Se interrumpió la transacción."] {
            lane.autotask.fail("PATCH Services", .status(500, body: #"{"errors":["\#(text)"]}"#))
            let outcome = text.hasPrefix("Das") ? try await lane.sync(dearer) : try await lane.attempt(dearer)
            #expect(outcome.deferral?.error.code == .outcomeUnknown)
            lane.clock.advance(by: lane.bench.settings.settleTime)
        }
        #expect(try await lane.attempt(dearer).terminal?.type == .syncSucceeded)
    }

    @Test(arguments: ["", "{}", "null", #"{"status":"queued"}"#, #"{"itemId":null}"#])
    func `an update whose answer lacks its service is settled before another value is written`(body: String) async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        let (slip, corrected) = ("10", "12")
        func plan(_ price: String) -> SyncPayload { .plan(1).with(0) { $0.unitPrice = .value(.amount(price)) } }
        lane.autotask.fail("PATCH Services", .status(202, body: body))
        let first = try await lane.sync(plan(slip))
        let settled = lane.clock.now + lane.bench.settings.settleTime
        #expect(first.deferral?.error.code == .outcomeUnknown && first.deferral?.earliest == settled)
        #expect(lane.state.openWrites.map(\.state) == [.sent])
        lane.autotask.forgetCalls()
        let early = try await lane.sync(plan(corrected))
        #expect(early.deferral?.earliest == settled && lane.writes.isEmpty)
        lane.clock.advance(by: lane.bench.settings.settleTime)
        #expect(try await lane.attempt(plan(corrected)).terminal?.type == .syncSucceeded)
        #expect(lane.services.map { $0["unitPrice"] } == [.number("12.00")])
    }

    @Test func `a page with a 200 for a create is settled once, and ends the batch when it comes again`() async throws {
        let lane = try await SyncBench()
        for attempt in 0..<2 {
            lane.autotask.fail("POST Services", .status(200, body: "<html>Log in</html>"))
            let outcome = attempt == 0 ? try await lane.sync(.plan(3)) : try await lane.attempt(.plan(3))
            if attempt == 0 {
                #expect(outcome.deferral != nil)
                lane.clock.advance(by: lane.bench.settings.settleTime)
            } else {
                #expect(outcome.terminal?.type == .syncFailed && outcome.report["error"]?["code"] == "autotask_unavailable")
                #expect(lane.writes.count == 1 && lane.state.openWrites.isEmpty)
            }
        }
    }

    @Test func `a service whose update is refused is an error, and keeps its id`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.autotask.fail("PATCH Services", .status(500, body: #"{"errors":["A price is required."]}"#))
        let outcome = try await lane.sync(.plan(1).with(0) { $0.unitPrice = .value(.amount("1")) })
        #expect(outcome.terminal?.type == .syncFailed)
        #expect(outcome.statuses == ["Error"])
        #expect(outcome.service(0)["autotaskServiceId"] == lane.services[0]["id"])
        #expect(lane.binding("s0")?.status == .error && lane.binding("s0")?.autotaskServiceID != nil)
    }

    @Test func `an update that Autotask accepts and does not make is an error`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        let id = try #require(lane.services[0]["id"]?.integer)
        lane.autotask.fail("PATCH Services", .status(200, body: #"{"itemId":\#(id)}"#))
        let outcome = try await lane.sync(.plan(1).with(0) { $0.unitPrice = .value(.amount("1")) })
        #expect(outcome.errors == ["remote_rejected"])
        #expect(outcome.service(0)["error"]?["message"]?.string?.contains("unitPrice") == true)
        #expect(outcome.statuses == ["Error"])
    }

    @Test func `a cost that was not visible at creation is not written repeatedly`() async throws {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hidesCosts = true }
        lane.autotask.pass("POST Services/query")
        lane.autotask.fail("POST Services/query", .status(503))
        #expect(try await lane.sync(.plan(2)).deferral != nil)
        let outcome = try await lane.attempt(.plan(2))
        #expect(outcome.terminal?.type == .syncSucceeded && lane.writes.isEmpty)
        #expect(outcome.warnings(0) == ["cost_not_stored"])
    }

    @Test func `a missing permission is requested once`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        let text = "The logged in Resource does not have the adequate permissions to create this entity type."
        lane.autotask.fail("POST Services", .status(500, body: #"{"errors":["\#(text)"]}"#))
        let outcome = try await lane.sync(.plan(4).with(0) { $0.unitPrice = .value(.amount("1")) })
        #expect(lane.writes.map(\.operation) == ["PATCH Services", "POST Services"])
        #expect(outcome.outcomes == ["updated", "rejected", "notAttempted", "notAttempted"])
        #expect(outcome.errors == [nil, "permission_denied", "permission_denied", "permission_denied"])
        #expect(outcome.statuses == ["Synced", "Error", "Not synced", "Not synced"])
        #expect(lane.state.openWrites.isEmpty)
    }

    @Test func `a refusal of the credentials ends the batch at once`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(1))
        lane.autotask.fail("POST Services", .status(401), .status(401))
        let outcome = try await lane.sync(.plan(3))
        #expect(outcome.events.map(\.type) == [.connectionLost, .syncIncomplete])
        #expect(outcome.terminal?.errorCode == "api_user_locked_or_inactive")
        #expect(outcome.outcomes == ["unchanged", "notAttempted", "notAttempted"])
        #expect(lane.writes.count == 1)
        #expect(lane.state.connection?.status == .credentialsRejected)
        #expect(lane.state.openWrites.isEmpty)
    }

    @Test func `a write that was not read back because the connection was lost stays on record for the next sync`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services/query", .status(200, body: #"{"items":[],"pageDetails":{}}"#), .status(401))
        let first = try await lane.sync(.plan(2))
        #expect(first.terminal?.type == .syncIncomplete)
        #expect(first.outcomes == ["created", "created"])
        #expect(first.statuses == ["Not synced", "Not synced"])
        // Refused credentials are answered from memory for some minutes.
        lane.clock.advance(by: .seconds(300))
        lane.state = try await lane.bench.connectedState(lane.state)
        let second = try await lane.sync(.plan(2))
        #expect(second.events.map(\.type) == [.syncSucceeded, .integrationEnabled])
        #expect(lane.services.count == 2 && lane.state.openWrites.isEmpty)
    }

    @Test func `credentials that are refused later in the batch do not hide an unresolved write`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services", .status(500, body: #"{"errors":["Der Abrechnungscode ist ungültig."]}"#), .status(401))
        let outcome = try await lane.sync(.plan(3))
        #expect(outcome.terminal?.errorCode == "api_user_locked_or_inactive")
        #expect(outcome.errors == ["outcome_unknown", nil, nil])
        #expect(lane.writes.count == 2 && lane.state.openWrites.map(\.serviceKey) == ["s0"])
    }

    @Test func `a job that has written and must not continue reports what is known, without a call`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.plan(2))
        lane.edit { $0.removeLast() }
        lane.autotask.fail("POST Services", .lostAnswer)
        try await lane.sync(.plan(3))
        let outcome = lane.conclude(.plan(3))
        #expect(lane.autotask.calls.isEmpty)
        #expect(outcome.terminal?.type == .syncIncomplete)
        #expect(outcome.terminal?.errorCode == "superseded")
        #expect(outcome.each("key") == ["s0", "s1", "s2"])
        #expect(outcome.outcomes == ["notAttempted", "notAttempted", "notAttempted"])
        #expect(outcome.errors == [nil, "outcome_unknown", nil])
        #expect(outcome.statuses == ["Synced", "Synced", "Not synced"])
    }

    @Test func `a concluded job reports the services that it created`() async throws {
        let lane = try await SyncBench()
        lane.autotask.fail("POST Services/query", .status(200, body: #"{"items":[],"pageDetails":{}}"#), .noAnswer(.timedOut))
        try await lane.sync(.plan(2))
        let outcome = lane.conclude(.plan(2))
        #expect(outcome.terminal?.type == .syncIncomplete)
        #expect(outcome.outcomes == ["created", "created"])
        #expect(outcome.service(1)["autotaskServiceId"] == lane.services[1]["id"])
        #expect(outcome.report["message"] == "0 of 2 services are synced")
    }
}
