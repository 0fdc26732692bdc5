import AutotaskModel
import Contract
import HTTP
import SQLiteStore
import Store
import StoreConformance
import Testing
import Vault

@testable import Engine

/// Jobs for which a person waits end in time, and a job that waits for something else is not reported repeatedly.
extension EngineFlowTests {
    /// A tenant at an Autotask that knows it.
    func addUser() {
        autotask.change {
            $0.databases[7] = FakeAutotask.Database(host: "webservices14.autotask.net")
            $0.users["api@demo.example"] = FakeAutotask.User(secret: "s3cret", integrationCode: "", databaseID: 7)
        }
    }

    private var settings: EngineSettings {
        var settings = EngineSettings()
        settings.acceptsClearCredentials = true
        settings.accessCutoff = nil
        return settings
    }

    private func connect(_ id: String) -> JobMessage {
        delivery("connect", id: id, data: ["credentials": ["username": "api@demo.example", "secret": "s3cret"]])
    }

    private func plan(_ id: String) -> JSON {
        [
            "planId": .string(id),
            "services": [
                [
                    "key": "license", "name": "Licence", "type": "License", "period": "Monthly", "unitCost": "4.5", "unitPrice": "9",
                    "billingCodeId": 29_683_001,
                ]
            ],
        ]
    }

    /// Advances the clock until the job has ended.
    private func ended(_ id: String) async -> Event {
        while true {
            await clock.advanceToNextSleeper()
            let events = await results.published { _ in true }
            if let end = events.last(where: { $0.event.jobID?.description == id && $0.event.type.isTerminal }) { return end.event }
        }
    }

    @Test(arguments: [
        ("preview", EventType.syncFailed), ("billing-codes", .billingCodesFailed), ("verify", .connectionFailed),
        ("connect", .connectionFailed),
    ])
    func `a job for which a person waits ends within the set time, whatever the obstacle`(kind: String, end: EventType) async throws {
        addUser()
        var settings = settings
        settings.retry.maximumAttempts = 1000
        try await withEngine(settings: settings) { store in
            door.deliver(connect("connect-1"))
            _ = await results.published { $0.contains { $0.event.type == .connectionEstablished } }
            // The database is down, and stays down.
            for operation in ["GET Version", "GET zoneInformation", "POST BillingCodes/query", "POST Services/query"] {
                autotask.change { $0.faults[operation] = Array(repeating: .status(503), count: 100) }
            }
            let job = kind == "connect" ? connect("job-1") : delivery(kind, id: "job-1", data: kind == "preview" ? plan("p") : [:])
            door.deliver(job)
            let event = await ended("job-1")
            #expect(event.type == end && event.errorCode == "autotask_unavailable")
            #expect(event.members["error"]?["retryable"] == true && event.members["error"]?["retryAt"] == nil)
            // It ended because of its deadline, and not because of its attempts.
            let letters = try await store.deadLetters()
            #expect(letters.isEmpty)
        }
    }

    @Test(
        arguments: ["preview", "billing-codes", "verify", "connect"],
        [(302, "autotask_unavailable"), (429, "rate_limited"), (nil, "timeout")] as [(Int?, String)]
    )
    func `a call that is given up at the deadline does not hide the earlier failure`(kind: String, failure: (status: Int?, code: String))
        async throws
    {
        addUser()
        var settings = settings
        settings.retry.maximumAttempts = 1000
        try await withEngine(settings: settings) { _ in
            door.deliver(connect("connect-1"))
            _ = await results.published { $0.contains { $0.event.type == .connectionEstablished } }
            let first = failure.status.map { [FakeAutotask.Fault.status($0)] } ?? []
            for operation in ["GET Version", "POST BillingCodes/query", "POST Services/query"] {
                autotask.change { $0.faults[operation] = first + Array(repeating: .noAnswer(.outOfTime), count: 1000) }
            }
            door.deliver(kind == "connect" ? connect("job-1") : delivery(kind, id: "job-1", data: kind == "preview" ? plan("p") : [:]))
            let event = await ended("job-1")
            #expect(event.errorCode == failure.code)
            #expect(event.members["error"]?["retryable"] == true)
        }
    }

    @Test func `a sync continues beyond that time`() async throws {
        addUser()
        try await withEngine(settings: settings) { store in
            door.deliver(connect("connect-1"))
            _ = await results.published { $0.contains { $0.event.type == .connectionEstablished } }
            autotask.change { $0.faults["POST Services/query"] = Array(repeating: .status(503), count: 6) }
            door.deliver(delivery("sync", id: "job-1", data: plan("p")))
            let event = await ended("job-1")
            #expect(event.type == .syncSucceeded)
            let letters = try await store.deadLetters()
            #expect(letters.isEmpty)
        }
    }

    @Test func `a permanent failure ends a connect at once, and is not retryable`() async throws {
        addUser()
        autotask.change {
            $0.faults["GET Version"] = [
                .noAnswer(.addressNotPublic, mayHaveBeenSent: false), .noAnswer(.certificateRejected, mayHaveBeenSent: false),
            ]
        }
        try await withEngine(settings: settings) { store in
            let begun = clock.now
            door.deliver(connect("job-1"))
            let first = await results.published { $0.count == 1 }[0].event
            door.deliver(connect("job-2"))
            let second = await results.published { $0.count == 2 }[1].event
            for event in [first, second] {
                #expect(event.type == .connectionFailed && event.errorCode == "network")
                #expect(event.members["error"]?["retryable"] == false)
            }
            #expect(clock.now == begun)
            let letters = try await store.deadLetters()
            #expect(letters.isEmpty)
        }
    }

    @Test(arguments: ["preview", "billing-codes", "verify", "drift", "diagnose"])
    func `a job for which a person waits ends in its own event although its key is missing`(kind: String) async throws {
        try await withEngine(vault: Vault(keyRing, source: ChangingRing(keyRing))) { store in
            try await enter(JobKind(rawValue: kind)!, "job-1", into: store)
            door.deliver(delivery("reset", id: "reset-1", tenant: "msp-9", data: ["confirm": true]))
            let event = await ended("job-1")
            #expect(![.jobAbandoned, .jobRejected].contains(event.type))
            let error = kind == "diagnose" ? event.members["steps"]?.array?.first?["error"] : event.members["error"]
            #expect(error?["code"] == "internal" && error?["retryable"] == true)
            // Lists of jobs and the audit log name the same code.
            #expect(event.type.failureCode(in: event.data) == "internal")
        }
    }

    @Test func `a job that is held up for hours is reported a few times, and tried a few times an hour`() async throws {
        var settings = EngineSettings()
        settings.retry.maximumAge = .seconds(3600)
        try await withEngine(settings: settings, vault: Vault(keyRing, source: ChangingRing(keyRing))) { store in
            try await enter(.sync, "job-1", into: store)
            door.deliver(delivery("reset", id: "reset-1", tenant: "msp-9", data: ["confirm": true]))
            #expect(await ended("job-1").type == .jobAbandoned)
            let deferred = await results.published { _ in true }.count { $0.event.type == .jobDeferred }
            #expect((1...4).contains(deferred), "job.deferred was published \(deferred) times")
            let rows = try await store.auditPage(after: 0, limit: 10_000).rows.count { $0.entry.jobID == "job-1" }
            #expect(rows <= 5, "the audit log has \(rows) rows")
            let record = try #require(try await store.jobs(named: JobID("job-1")!, of: nil).first)
            #expect((5...60).contains(record.heldUp), "it was tried \(record.heldUp) times")
        }
    }

    /// Takes a job in like a worker that has newer keys: the engine's ring lacks the key of the job.
    func enter(_ kind: JobKind, _ id: String, into store: SQLiteStore) async throws {
        let other = WorkerID("another")
        _ = try await store.join(other, until: clock.now + .seconds(5), at: clock.now)
        let lane = Lane(tenant: TenantID("msp-2")!, product: .workplace)
        let rotated = keyRing.rotated(Set(KeyRing.Use.allCases), at: clock.now)
        let job = AcceptableJob(
            key: JobKey(id: JobID(id)!, lane: lane, digest: [1]),
            kind: kind,
            planID: kind == .preview || kind == .sync ? "plan" : nil,
            sealedPayload: Vault(rotated).sealPayload(Array("{}".utf8)[...], job: JobID(id)!, lane: lane)
        )
        _ = try await store.accept([IntakeItem(.job(job))], by: other, at: clock.now) { _ in preconditionFailure("there is no conflict") }
    }
}
