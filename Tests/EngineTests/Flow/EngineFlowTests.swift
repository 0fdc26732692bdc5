import AutotaskModel
import Contract
import FoundationEssentials
import Logging
import SQLiteStore
import Secrets
import ServiceLifecycle
import Store
import StoreConformance
import Synchronization
import Telemetry
import Testing
import Vault

@testable import Engine

@Suite("From intake to the results", .timeLimit(.minutes(2)))
struct EngineFlowTests {
    let door = Door()
    let results = ResultsBoard()
    let executor = WatchedExecutor()
    let clock: SteppedClock
    let calls = HeldCalls()
    let autotask: FakeAutotask
    let keyRing = KeyRing.generate(at: Timestamp("2026-11-22T08:00:00Z")!)
    let vault: Vault

    init() {
        vault = Vault(keyRing)
        autotask = FakeAutotask { [calls] in await calls.pass() }
        clock = SteppedClock(Timestamp("2026-11-22T08:00:00Z")!, watching: executor)
    }

    /// Runs an engine on a new store while `body` runs.
    func withEngine(
        settings: EngineSettings = EngineSettings(),
        vault: Vault? = nil,
        clock: SteppedClock? = nil,
        instruments: Instruments = .none,
        onJoined: (Engine) -> Void = { _ in },
        beforeAccepting: @escaping @Sendable (any EngineStore) async throws(StoreError) -> Void = { _ in },
        afterAccepting: @escaping @Sendable ([LaneClaim]) -> Void = { _ in },
        _ body: @Sendable (SQLiteStore) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "engine-flow-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let store = try await SQLiteStore(path: directory.appending(path: "store.sqlite").path, auditing: AuditChain(vault ?? self.vault))
        let engine = Engine(
            source: door,
            sink: results,
            store: WatchedStore(store: store, executor: executor, beforeAccepting: beforeAccepting, afterAccepting: afterAccepting),
            vault: vault ?? self.vault,
            autotask: AutotaskAccess(
                transport: autotask,
                lookupURL: FakeAutotask.lookupURL,
                integrationCode: SecretReference(copying: [UInt8]().span)
            ),
            settings: settings,
            clock: clock ?? self.clock,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            instruments: instruments
        )
        try await engine.join()
        onJoined(engine)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: engine.services,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: executor) { try await group.run() }
            try await body(store)
            door.close()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        await store.close()
    }

    func delivery(
        _ kind: String,
        id: String,
        tenant: String = "msp-4711",
        data: JSON = [:],
        publisher: String? = "portal",
        extra: JSONObject = [:],
        routingKey: String? = nil,
        isRedelivered: Bool = false
    ) -> JobMessage {
        var envelope: JSONObject = [
            "specversion": "1.0", "id": .string(id), "source": "/portal", "type": .string("autotask.job.\(kind)"),
            "subject": .string(tenant),
            "data": data,
        ]
        for member in extra.members { envelope[member.name] = member.value }
        return JobMessage(
            queue: "autotask.jobs",
            routingKey: routingKey ?? "\(kind).\(tenant)",
            isRedelivered: isRedelivered,
            userID: publisher,
            body: JSON.object(envelope).encoded
        )
    }

    @Test func `a job is accepted, acknowledged, run, and answered in the lane's sequence`() async throws {
        try await withEngine { _ in
            door.deliver(delivery("billing-codes", id: "job-1"), delivery("reset", id: "job-2", data: ["confirm": true]))
            let events = await results.published { $0.count == 2 }
            // The reset supersedes the jobs that wait before it.
            #expect(events.map(\.event.type) == [.jobSuperseded, .integrationReset])
            #expect(events.map(\.sequence) == [1, 2] && events.map(\.epoch) == [1, 1])
            #expect(door.acknowledged == [1])
            door.deliver(delivery("sync", id: "job-3", data: ["planId": "p", "services": [["key": "a", "type": "License"]]]))
            let next = try #require(await results.published { $0.count == 3 }.last)
            #expect(next.event.type == .syncFailed && next.event.errorCode == "not_connected")
            #expect(next.epoch == 2 && next.sequence == 1)
        }
    }

    @Test func `a repeated job is answered with the same event, and another payload under its id is a conflict`() async throws {
        try await withEngine { _ in
            door.deliver(delivery("billing-codes", id: "job-1"))
            let first = try #require(await results.published { $0.count == 1 }.last)
            door.deliver(delivery("billing-codes", id: "job-1"))
            let again = try #require(await results.published { $0.count == 2 }.last)
            #expect(again == first)
            door.deliver(delivery("billing-codes", id: "job-1", data: ["refresh": true]))
            let conflict = try #require(await results.published { $0.count == 3 }.last)
            #expect(conflict.event.type == .jobConflict && conflict.event.errorCode == "duplicate_id" && conflict.sequence == 2)
        }
    }

    @Test func `an untrusted publisher gets no event, and its message is set aside`() async throws {
        try await withEngine { store in
            door.deliver(
                delivery("reset", id: "job-1", data: ["confirm": true], publisher: "stranger"),
                delivery("reset", id: "job-2", data: ["confirm": true], publisher: nil)
            )
            door.deliver(delivery("reset", id: "job-1", data: ["confirm": true]))
            let events = await results.published { !$0.isEmpty }
            #expect(events.map(\.event.type) == [.integrationReset])
            let letters = try await store.deadLetters()
            #expect(letters.map(\.reason) == ["untrusted", "untrusted"])
        }
    }

    @Test func `a message that cannot be run is refused, and claims its id`() async throws {
        try await withEngine { store in
            door.deliver(delivery("reset", id: "job-1"), delivery("dance", id: "job-2"), delivery("reset", id: "job-1"))
            let events = await results.published { $0.count == 3 }
            #expect(events.map(\.event.errorCode) == ["reset_not_confirmed", "not_supported", "reset_not_confirmed"])
            #expect(events[0].event.id == events[2].event.id)
            let letters = try await store.deadLetters()
            #expect(letters.count == 2)
        }
    }

    @Test func `an unconfirmed event is published again, under the same id`() async throws {
        try await withEngine { store in
            results.silence(2)
            door.deliver(delivery("reset", id: "job-1", data: ["confirm": true]))
            // A pause follows each time.
            while results.attempts < 3 { await clock.advanceToNextSleeper() }
            let events = await results.published { !$0.isEmpty }
            #expect(events.map(\.event.type) == [.integrationReset])
        }
    }

    @Test func `intake pauses while too many jobs wait, and resumes`() async throws {
        var settings = EngineSettings()
        settings.backlogLimit = 2
        settings.acceptsClearCredentials = true
        for _ in 0..<2 { autotask.fail("GET zoneInformation", .status(503)) }
        try await withEngine(settings: settings) { store in
            for number in 1...2 {
                let data: JSON = [
                    "firstConfiguredAt": "2020-01-01T00:00:00Z",
                    "credentials": ["username": .string("nobody-\(number)"), "secret": "wrong"],
                ]
                door.deliver(delivery("connect", id: "job-1", tenant: "msp-\(number)", data: data))
            }
            _ = await results.published { $0.count == 2 }
            await door.isSuspended(true)
            let backlog = try await store.backlog()
            #expect(backlog == 2)
            // The jobs are due again.
            while await results.published(until: { _ in true }).count < 4 { await clock.advanceToNextSleeper() }
            while door.suspensions == [true] { await clock.advanceToNextSleeper() }
            #expect(door.suspensions == [true, false])
        }
    }

    @Test func `a message that was delivered five times and never accepted is recorded unread`() async throws {
        try await withEngine { store in
            let guilty = delivery("reset", id: "job-1", data: ["confirm": true], isRedelivered: true)
            let sha256 = Vault.sha256(guilty.body)
            for _ in 1...4 { _ = try await store.countRedelivery(sha256: sha256, at: clock.now) }
            door.deliver(guilty, delivery("reset", id: "job-2", data: ["confirm": true], isRedelivered: true))
            let events = await results.published { !$0.isEmpty }
            #expect(events.map { $0.event.jobID?.description } == ["job-2"])
            let letters = try await store.deadLetters()
            #expect(letters.map(\.reason) == ["poison"])
        }
    }

    @Test func `a message that is no longer this worker's is not accepted`() async throws {
        try await withEngine { store in
            let lost = [1, 2]
            for batch in lost { door.lose(batch) }
            door.deliver(delivery("billing-codes", id: "job-1"))
            door.deliver(delivery("billing-codes", id: "job-2", isRedelivered: true))
            let kept = door.deliver(delivery("reset", id: "job-3", data: ["confirm": true]))
            let events = await results.published { !$0.isEmpty }
            #expect(events.map { $0.event.jobID?.description } == ["job-3"])
            #expect(door.acknowledged == [kept])
            let backlog = try await store.backlog()
            #expect(backlog == 0)
        }
    }

    @Test func `a batch is accepted however often another worker is faster, and the jobs that overtook it end it`() async throws {
        let attempts = Mutex(0)
        let hook: @Sendable (any EngineStore) async throws(StoreError) -> Void = { [clock, vault] store async throws(StoreError) in
            let attempt = attempts.withLock {
                $0 += 1
                return $0
            }
            // Without a limit the worker would try forever.
            guard attempt <= 30 else { return }
            let other = WorkerID("other")
            if attempt == 1 { _ = try await store.join(other, until: clock.now + .seconds(3600), at: clock.now) }
            let isLast = attempt == Intake.maximumRefusals + 1
            let (id, lane) = (JobID("foreign-\(attempt)")!, Lane(tenant: TenantID(isLast ? "msp-4711" : "msp-2")!, product: .workplace))
            let reset = AcceptableJob(
                key: JobKey(id: id, lane: lane, digest: [1]),
                kind: .reset,
                requestedAt: clock.now - .seconds(1),
                sealedPayload: vault.sealPayload(JSON.object(["confirm": true]).encoded[...], job: id, lane: lane)
            )
            let rules = IntakeRules(laneLimit: 100, admit: { _ in Admission() }, conflict: { _ in preconditionFailure("each id is new") })
            _ = try await store.accept([IntakeItem(.job(reset))], by: other, at: clock.now, rules: rules)
        }
        try await withEngine(beforeAccepting: hook) { _ in
            door.deliver(delivery("billing-codes", id: "job-1", extra: ["time": "2026-11-22T07:59:00Z"]))
            let own = await results.published { $0.contains { $0.event.jobID?.description == "job-1" } }
            #expect(own.first { $0.event.jobID?.description == "job-1" }?.event.type == .jobSuperseded)
            await clock.untilIdle()
            #expect(door.acknowledged == [1])
        }
        #expect(attempts.withLock { $0 } == Intake.maximumRefusals + 1)
    }

    @Test func `jobs of one batch do not overtake each other, in whichever transaction they are compared`() async throws {
        let attempts = Mutex(0)
        let hook: @Sendable (any EngineStore) async throws(StoreError) -> Void = { [clock, vault] store async throws(StoreError) in
            let attempt = attempts.withLock {
                $0 += 1
                return $0
            }
            let other = WorkerID("other")
            if attempt == 1 { _ = try await store.join(other, until: clock.now + .seconds(3600), at: clock.now) }
            let lane = Lane(tenant: TenantID("msp-2")!, product: .workplace)
            let items = (1...8).map { number in
                let id = JobID("foreign-\(attempt)-\(number)")!
                let payload = vault.sealPayload(JSON.object(["confirm": true]).encoded[...], job: id, lane: lane)
                return IntakeItem(
                    .job(AcceptableJob(key: JobKey(id: id, lane: lane, digest: [1]), kind: .reset, sealedPayload: payload))
                )
            }
            let rules = IntakeRules(laneLimit: 100, admit: { _ in Admission() }, conflict: { _ in preconditionFailure("each id is new") })
            _ = try await store.accept(items, by: other, at: clock.now, rules: rules)
        }
        try await withEngine(beforeAccepting: hook) { _ in
            let plan: JSON = ["planId": "p", "services": [["key": "a", "type": "License"]]]
            let first = delivery("sync", id: "first", data: plan, extra: ["time": "2026-11-22T07:59:30Z"])
            let last = delivery("sync", id: "last", data: plan, extra: ["time": "2026-11-22T07:59:00Z"])
            let between = (1...Intake.comparedAtOnce).map { delivery("billing-codes", id: "filling-\($0)", tenant: "msp-9") }
            door.deliver([first] + between + [last])
            let ends = await results.published { $0.contains { $0.event.jobID?.description == "last" } }
            #expect(ends.first { $0.event.jobID?.description == "last" }?.event.errorCode == "not_connected")
        }
        #expect(attempts.withLock { $0 } == Intake.maximumRefusals + 2)
    }

    @Test func `a job that did not begin in time expires`() async throws {
        try await withEngine { _ in
            door.deliver(delivery("billing-codes", id: "job-1", extra: ["expirytime": "2026-11-22T07:59:59Z"]))
            let events = await results.published { !$0.isEmpty }
            #expect(events.map(\.event.type) == [.jobExpired])
        }
    }

    @Test func `a message counted as redelivered is accepted, even if its connection ends`() async throws {
        try await withEngine { store in
            door.lose(1, after: 1)
            let job = delivery("reset", id: "job-1", data: ["confirm": true], isRedelivered: true)
            door.deliver(job)
            _ = await results.published { !$0.isEmpty }
            let counted = try await store.countRedelivery(sha256: Vault.sha256(job.body), at: clock.now)
            #expect(counted.count == 1)
        }
    }

    /// The range of accepted moments is then empty.
    @Test(arguments: ["2026-11-22T08:00:00Z", "1970-01-01T00:00:00Z"])
    func `a job with a time is taken in although the machine's clock is before 2000`(time: String) async throws {
        let clock = SteppedClock(Timestamp("1970-01-01T00:00:00Z")!, watching: executor)
        try await withEngine(clock: clock) { _ in
            door.deliver(delivery("reset", id: "job-1", data: ["confirm": true], extra: ["time": .string(time)]))
            let events = await results.published { !$0.isEmpty }
            #expect(events.map(\.event.type) == [.integrationReset])
            await clock.untilIdle()
            #expect(door.acknowledged == [1])
        }
    }

    @Test func `hundreds of tenants are served, each in its own sequence`() async throws {
        try await withEngine { _ in
            for number in 0..<300 {
                door.deliver(
                    delivery("billing-codes", id: "a", tenant: "msp-\(number)"),
                    delivery(
                        "sync",
                        id: "b",
                        tenant: "msp-\(number)",
                        data: ["planId": "p", "services": [["key": "a", "type": "License"]]]
                    )
                )
            }
            let events = await results.published { $0.count == 600 }
            let byTenant = Dictionary(grouping: events, by: \.event.lane.tenant)
            #expect(byTenant.count == 300)
            #expect(byTenant.values.allSatisfy { $0.map(\.sequence) == [1, 2] })
        }
    }
}
