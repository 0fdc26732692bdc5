import AutotaskModel
import Contract
import HTTP
import MetricsTestKit
import Store
import Telemetry
import Testing
import Vault

@testable import Engine

/// What the engine counts and times.
extension EngineFlowTests {
    private var settings: EngineSettings {
        var settings = EngineSettings()
        settings.acceptsClearCredentials = true
        settings.accessCutoff = nil
        return settings
    }

    private func connect(_ id: String, secret: String = "s3cret") -> JobMessage {
        delivery("connect", id: id, data: ["credentials": ["username": "api@demo.example", "secret": .string(secret)]])
    }

    private func sync(_ id: String, revision: Int64 = 1, price: String = "9") -> JobMessage {
        let service: JSON = [
            "key": "license", "name": "Licence", "type": "License", "period": "Monthly", "unitCost": "12", "unitPrice": .string(price),
            "billingCodeId": 29_683_001,
        ]
        return delivery("sync", id: id, data: ["planId": "p", "revision": JSON(revision), "services": [service]])
    }

    /// Advances the clock until the job has ended.
    private func end(_ id: String) async {
        while true {
            let events = await results.published(until: { _ in true })
            if events.contains(where: { $0.event.jobID?.description == id && $0.event.type.isTerminal }) { return }
            await clock.advanceToNextSleeper()
        }
    }

    @Test func `ended jobs are counted by kind and event, with their errors, calls and services`() async throws {
        addUser()
        let metrics = TestMetrics()
        try await withEngine(settings: settings, instruments: Instruments(metrics: metrics)) { _ in
            door.deliver(connect("connect-1"))
            _ = await results.published { $0.contains { $0.event.type == .connectionEstablished } }
            door.deliver(sync("sync-1"))
            _ = await results.published { $0.contains { $0.event.type == .syncSucceeded } }
            door.deliver(connect("connect-2", secret: "wrong"))
            _ = await results.published { $0.contains { $0.event.type == .connectionFailed } }
        }
        #expect(metrics.count(.jobsEnded, [("kind", "connect"), ("event", "connection.established")]) == 1)
        #expect(metrics.count(.jobsEnded, [("kind", "connect"), ("event", "connection.failed")]) == 1)
        #expect(metrics.count(.jobsEnded, [("kind", "sync"), ("event", "sync.succeeded")]) == 1)
        #expect(metrics.counterTotal(label: MetricName.jobsEnded.rawValue) == 3)
        #expect(metrics.count(.jobErrors, [("kind", "connect"), ("code", "credentials_invalid")]) == 1)
        #expect(metrics.counterTotal(label: MetricName.jobErrors.rawValue) == 1)
        #expect(metrics.count(.attempts, [("kind", "sync"), ("ending", "finished")]) == 1)
        #expect(metrics.count(.connectionChanges, [("change", "established")]) == 1)
        #expect(metrics.count(.connectionChanges, [("change", "failed")]) == 1)
        #expect(metrics.count(.services, [("outcome", "created")]) == 1)
        #expect(metrics.count(.warnings, [("code", "negative_margin")]) == 1)
        #expect(metrics.count(.intake, [("result", "accepted")]) == 3)
        #expect(metrics.count(.calls, [("zone", "webservices14"), ("result", "2xx")]) > 0)
        #expect(metrics.count(.calls, [("zone", "webservices14"), ("result", "4xx")]) == 1)
        let creates = try metrics.expectTimer(MetricName.requestTime.rawValue, [("operation", "createService"), ("result", "2xx")])
        #expect(creates.values.count == 1)
        #expect(try metrics.expectTimer(MetricName.jobAge.rawValue, [("kind", "sync")]).values.count == 1)
        #expect(try metrics.expectTimer(MetricName.attemptTime.rawValue, [("kind", "sync"), ("failed", "no")]).values.count == 1)
        #expect(try metrics.expectTimer(MetricName.eventDelay.rawValue).values.count >= 3)
    }

    @Test func `a job that ends without an attempt is counted once, and so is a repeated message`() async throws {
        let metrics = TestMetrics()
        try await withEngine(settings: settings, instruments: Instruments(metrics: metrics)) { _ in
            door.deliver(delivery("sync", id: "sync-1", data: ["planId": "p"]))
            _ = await results.published { $0.contains { $0.event.type == .jobRejected } }
            let resets = (1...2).map { delivery("reset", id: "reset-\($0)", data: ["confirm": true]) }
            door.deliver(resets)
            _ = await results.published { $0.contains { $0.event.jobID?.description == "reset-2" } }
            door.deliver(resets[1])
            _ = await results.published { $0.count { $0.event.jobID?.description == "reset-2" } == 2 }
        }
        #expect(metrics.count(.intake, [("result", "rejected")]) == 1)
        #expect(metrics.count(.intake, [("result", "accepted")]) == 2)
        #expect(metrics.count(.intake, [("result", "duplicate")]) == 1)
        let ended = ["integration.reset", "job.superseded"].map { metrics.count(.jobsEnded, [("kind", "reset"), ("event", $0)]) }
        #expect(ended.reduce(0, +) == 2)
        #expect(metrics.count(.jobErrors, [("kind", "reset"), ("code", "superseded")]) == ended[1])
    }

    @Test func `a circuit breaker that opens is counted, and so are the attempts that were deferred`() async throws {
        addUser()
        let metrics = TestMetrics()
        try await withEngine(settings: settings, instruments: Instruments(metrics: metrics)) { _ in
            door.deliver(connect("connect-1"))
            _ = await results.published { $0.contains { $0.event.type == .connectionEstablished } }
            autotask.change {
                for call in ["GET zoneInformation", "GET Version"] { $0.faults[call] = Array(repeating: .status(503), count: 1000) }
            }
            door.deliver(delivery("verify", id: "verify-1", data: [:]))
            await end("verify-1")
        }
        #expect(metrics.count(.attempts, [("kind", "verify"), ("ending", "deferred")]) > 0)
        #expect(metrics.count(.jobErrors, [("kind", "verify"), ("code", "autotask_unavailable")]) == 1)
        #expect(metrics.counterTotal(label: MetricName.breakerOpenings.rawValue) > 0)
    }

    @Test func `attempts that end early for a reason outside the job are counted with the reason`() async throws {
        let metrics = TestMetrics()
        try await withEngine(vault: Vault(keyRing, source: ChangingRing(keyRing)), instruments: Instruments(metrics: metrics)) { store in
            try await enter(.verify, "job-1", into: store)
            door.deliver(delivery("reset", id: "reset-1", tenant: "msp-9", data: ["confirm": true]))
            await end("job-1")
        }
        let held = metrics.count(.heldBack, [("kind", "verify"), ("reason", "key_missing")])
        #expect(held > 0 && held == metrics.counterTotal(label: MetricName.heldBack.rawValue))
    }
}

extension TestMetrics {
    fileprivate func count(_ name: MetricName, _ labels: [(String, String)]) -> Int64 {
        counterTotal(label: name.rawValue, dimensions: labels)
    }
}
