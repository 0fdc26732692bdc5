import Contract
import Foundation
import GRDB
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// Inspection of a store's contents: nothing in a valid one, and each violation in an invalid one.
struct StoreInspectionTests {
    private let directory: TemporaryDirectory
    private let path: String
    /// Within the leases.
    private let now = Timestamp.start + .seconds(5)

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
    }

    // MARK: Valid stores

    @Test("If there is no store, there is nothing to inspect, and none is created")
    func missing() async throws {
        #expect(try await inspect() == nil)
        #expect(try await StoreFormat.look(at: path) == .none)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path) == [])
    }

    @Test("A store in use and a closed one need no repair, and report their contents")
    func lawful() async throws {
        let store = try await filledStore()
        for _ in 0..<2 {
            let inspection = try #require(try await inspect(isThorough: true))
            #expect(inspection.breaches == [])
            #expect(inspection.workers.map(\.lanes) == [1] && inspection.workers[0].isAlive(at: now))
            #expect(inspection.lanes == 4 && inspection.connections == 1 && inspection.backlog == Backlog(waiting: 2, held: 0))
            #expect(inspection.credentialsKeys == [.init(lane: .one, wrapped: [7, 7])])
            #expect(inspection.unpublishedEvents == 3 && inspection.oldestEvent?.position == 1)
            #expect(inspection.openWrites == 1 && inspection.unansweredWrites.count == 0)
            #expect(inspection.deadLetters.map(\.reason) == ["untrusted"] && inspection.deadLetters.map(\.count) == [2])
            #expect(inspection.postponedTooFar.count == 0 && inspection.acceptedAhead.count == 0 && inspection.keptTooLong == 0)
            // Once more, when the store is closed.
            await store.close()
        }
        #expect(try await StoreFormat.look(at: path) == .current)
        #expect(try await StoreIntegrity.problems(of: path, isThorough: true) == [])
    }

    @Test(
        "Whatever a store goes through, it leaves no violation behind",
        arguments: Behaviour.all
    )
    func behaviours(_ behaviour: Behaviour) async throws {
        try await behaviour.expect(of: try await SQLiteStore(path: path, auditing: .bench))
        let inspection = try #require(try await inspect(isThorough: true))
        // The suite makes decisions and journal entries that the engine never would.
        let engines: Set<StoreLaw> = [.nothingOutlivesConnection, .workIsScheduled, .confirmedHasService]
        #expect(inspection.breaches.filter { !engines.contains($0.law) } == [])
    }

    @Test("A job whose calls failed is told while it waits, and during its next attempt")
    func failing() async throws {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        _ = try await store.accept([.job("failing"), .job("new", .two)], by: .one, at: .start) { _ in preconditionFailure() }
        let claims = try await store.claim(ClaimRequest(worker: .one, limit: 2), at: .start) { $0.first }.claims
        let later = Timestamp.start + .seconds(1)
        let failure = Completion(.deferred(until: later, because: JobError(.network), counts: true), events: [])
        _ = try await store.complete(try #require(claims.first).token, with: failure, at: .start)
        let named = ["msp-1/workplace"]
        #expect(try await inspect()?.heldUp.examples == named)
        let again = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: later) { $0.first }.claims.first)
        #expect(try await inspect()?.heldUp.examples == named)
        _ = try await store.complete(again.token, with: Completion(.finished(nil), events: [.answering(again, .syncSucceeded)]), at: later)
        #expect(try await inspect()?.heldUp.count == 0)
    }

    @Test("An inspection changes nothing: not the file, not its log, and it creates no file")
    func traceless() async throws {
        let store = try await filledStore()
        let inUse = try contents()
        _ = try await inspect(isThorough: true)
        _ = try await StoreIntegrity.problems(of: path, isThorough: true)
        // The log's index is shared memory, in which readers set marks.
        #expect(try contents().filter { !$0.key.hasSuffix("-shm") } == inUse.filter { !$0.key.hasSuffix("-shm") })
        await store.close()
        let closed = try contents()
        #expect(Array(closed.keys) == ["store.sqlite"])
        _ = try await inspect(isThorough: true)
        _ = try await StoreFormat.look(at: path)
        _ = try await StoreIntegrity.problems(of: path, isThorough: true)
        #expect(try contents() == closed)
    }

    @Test("A file name with special characters of a URL is used literally")
    func oddName() async throws {
        let odd = directory.path("50% of store?mode=memory#1.sqlite")
        try await SQLiteStore(path: odd, auditing: .bench).close()
        #expect(try await StoreFormat.look(at: odd) == .current)
    }

    // MARK: Invalid stores

    /// A law, and a way to break it in the store of ``filledStore()``.
    struct Crime: CustomTestStringConvertible, Sendable {
        let law: StoreLaw
        let sql: String
        let subject: String

        var testDescription: String { "\(law.breach): \(sql)" }

        init(_ law: StoreLaw, _ sql: String, _ subject: String) {
            self.law = law
            self.sql = sql
            self.subject = subject
        }
    }

    static let crimes = [
        Crime(.heldWhileRunning, "UPDATE lanes SET running = NULL WHERE tenant = 'msp-2'", "msp-2/workplace"),
        Crime(.heldWhileRunning, "UPDATE lanes SET running = 9 WHERE tenant = 'msp-1'", "msp-1/workplace"),
        Crime(.holderIsKnown, "UPDATE lanes SET worker = 'nobody' WHERE tenant = 'msp-2'", "msp-2/workplace"),
        Crime(.runningIsUnfinished, "UPDATE lanes SET running = 1 WHERE tenant = 'msp-2'", "msp-2/workplace"),
        Crime(.workIsScheduled, "UPDATE lanes SET turn = NULL WHERE tenant = 'msp-3'", "msp-3/workplace"),
        Crime(.heldIsNotOffered, "UPDATE lanes SET turn = 1 WHERE tenant = 'msp-2'", "msp-2/workplace"),
        Crime(.backlogIsCounted, "UPDATE lanes SET backlog = 0 WHERE tenant = 'msp-3'", "msp-3/workplace"),
        Crime(.freeOccupiesNothing, "UPDATE lanes SET occupied = 5 WHERE tenant = 'msp-1'", "msp-1/workplace"),
        Crime(.databaseIsShared, "UPDATE lanes SET occupied = 8", "database 8"),
        Crime(.databaseIsConnected, "UPDATE lanes SET database_id = 6 WHERE tenant = 'msp-1'", "msp-1/workplace"),
        Crime(.sequenceIsAhead, "UPDATE lanes SET next_sequence = 1 WHERE tenant = 'msp-1'", "msp-1/workplace"),
        Crime(.sequenceIsAhead, "UPDATE jobs SET epoch = 2 WHERE job_id = 'done'", "msp-1/workplace"),
        Crime(.sequenceIsAhead, "UPDATE outbox SET epoch = 7 WHERE tenant = 'msp-1'", "msp-1/workplace"),
        Crime(.sequenceIsUnique, "UPDATE outbox SET sequence = 1 WHERE sequence = 2", "msp-1/workplace, epoch 1, sequence 1"),
        Crime(.jobHasLane, "UPDATE jobs SET tenant = 'msp-9' WHERE job_id = 'done'", "msp-9 done"),
        Crime(.unfinishedIsComplete, "UPDATE jobs SET payload = NULL WHERE job_id = 'waiting'", "msp-3 waiting"),
        Crime(.unfinishedIsComplete, "UPDATE jobs SET kind = NULL WHERE job_id = 'waiting'", "msp-3 waiting"),
        Crime(.finishedIsBlank, "UPDATE jobs SET payload = x'01' WHERE job_id = 'done'", "msp-1 done"),
        Crime(.finishedHasEvent, "UPDATE jobs SET event_id = NULL, event_type = NULL WHERE job_id = 'done'", "msp-1 done"),
        Crime(.finishedHasEvent, "UPDATE jobs SET event_type = 'job.deferred' WHERE job_id = 'done'", "msp-1 done"),
        Crime(.finishedHasEvent, "UPDATE jobs SET event_id = 'early' WHERE job_id = 'waiting'", "msp-3 waiting"),
        Crime(.countsArePossible, "UPDATE jobs SET attempts = -1 WHERE job_id = 'waiting'", "msp-3 waiting"),
        Crime(.checkIsNobodys, "UPDATE jobs SET is_scheduled = 1 WHERE job_id = 'waiting'", "msp-3 waiting"),
        Crime(.checkIsNobodys, "UPDATE jobs SET is_scheduled = 1 WHERE job_id = 'done'", "msp-1 done"),
        Crime(.credentialsHaveKey, "DELETE FROM credential_keys", "msp-1/workplace"),
        Crime(.credentialsHaveKey, "UPDATE connections SET credentials = x''", "msp-1/workplace"),
        Crime(.keyHasCredentials, "DELETE FROM connections", "msp-1/workplace"),
        Crime(.nothingOutlivesConnection, "DELETE FROM connections", "msp-1/workplace"),
        Crime(.checksFollowConnection, "DELETE FROM checks WHERE kind = 'drift'", "msp-1/workplace"),
        Crime(.checksFollowConnection, "DELETE FROM connections", "msp-1/workplace"),
        Crime(.syncedHasService, "UPDATE bindings SET autotask_id = NULL", "msp-1/workplace license"),
        Crime(.settledIsForgotten, "UPDATE journal SET state = 'verified'", "msp-1/workplace storage"),
        Crime(.confirmedHasService, "UPDATE journal SET state = 'confirmed'", "msp-1/workplace storage"),
        Crime(.eventHasPublisher, "UPDATE outbox SET worker = 'nobody' WHERE tenant = 'msp-4'", "msp-4/workplace"),
        Crime(.eventHasLane, "DELETE FROM lanes WHERE tenant = 'msp-4'", "msp-4/workplace"),
        Crime(.everythingHasLane, "UPDATE bindings SET lane = 99", "binding of lane 99"),
        Crime(.everythingHasLane, "UPDATE journal SET lane = 99", "write of lane 99"),
        Crime(.everythingHasLane, "UPDATE checks SET lane = 99", "check of lane 99"),
        Crime(.countersAreAhead, "UPDATE counters SET value = 1 WHERE name = 'place'", "place"),
        Crime(.countersAreAhead, "DELETE FROM counters WHERE name = 'position'", "position"),
        Crime(.wordsAreKnown, "UPDATE lanes SET product = 'toaster' WHERE tenant = 'msp-4'", "lanes.product of msp-4"),
        Crime(.wordsAreKnown, "UPDATE jobs SET kind = 'fly' WHERE job_id = 'waiting'", "jobs.kind of msp-3 waiting"),
        Crime(.wordsAreKnown, "UPDATE jobs SET event_type = 'x' WHERE job_id = 'done'", "jobs.event_type of msp-1 done"),
        Crime(.wordsAreKnown, "UPDATE jobs SET code = 'x' WHERE job_id = 'done'", "jobs.code of msp-1 done"),
        Crime(.wordsAreKnown, "UPDATE connections SET status = 'x'", "connections.status of msp-1/workplace"),
        Crime(.wordsAreKnown, "UPDATE refused_credentials SET code = 'x'", "refused_credentials.code of msp-1/workplace"),
        Crime(.wordsAreKnown, "UPDATE bindings SET status = 'x'", "bindings.status of msp-1/workplace license"),
        Crime(.wordsAreKnown, "UPDATE checks SET kind = 'x' WHERE kind = 'drift'", "checks.kind of msp-1/workplace"),
        Crime(.wordsAreKnown, "UPDATE bindings SET last_error = 'x'", "bindings.last_error of msp-1/workplace license"),
        Crime(.wordsAreKnown, "UPDATE journal SET operation = 'x'", "journal.operation of msp-1/workplace storage"),
        Crime(.wordsAreKnown, "UPDATE journal SET state = 'x'", "journal.state of msp-1/workplace storage"),
        Crime(.wordsAreKnown, "UPDATE outbox SET type = 'x' WHERE tenant = 'msp-4'", "outbox.type of msp-4/workplace"),
        Crime(.wordsAreKnown, "UPDATE outbox SET product = 'x' WHERE tenant = 'msp-4'", "outbox.product of msp-4"),
    ]

    @Test("A violation is found and named", arguments: crimes)
    func unlawful(_ crime: Crime) async throws {
        try await filledStore().close()
        try change(crime.sql)
        let inspection = try #require(try await inspect(isThorough: true))
        let breach = try #require(inspection.breaches.first { $0.law == crime.law })
        #expect(breach.occurrences == .init([crime.subject]))
    }

    @Test("Every law can be broken, and some test breaks it")
    func completeness() { #expect(Set(Self.crimes.map(\.law)) == Set(StoreLaw.all)) }

    @Test("Only a few of many violations are named")
    func many() async throws {
        let store = try await filledStore()
        _ = try await store.accept((0..<10).map { .job("job-\($0)", .three) }, by: .one, at: .start) { _ in preconditionFailure() }
        await store.close()
        try change("UPDATE jobs SET payload = NULL WHERE finished_at IS NULL AND job_id LIKE 'job-%'")
        let breach = try #require(try await inspect()?.breaches.first)
        #expect(breach.occurrences.count == 10 && breach.occurrences.examples.count == 3)
    }

    @Test("A damaged number far from all others is read at once", .timeLimit(.minutes(1)), arguments: [Int64.max, Int64.min])
    func far(number: Int64) async throws {
        try await filledStore().close()
        try change("UPDATE outbox SET position = \(number) WHERE position = (SELECT MAX(position) FROM outbox)")
        try change("UPDATE jobs SET place = \(number) WHERE job_id = 'done'")
        #expect(try #require(try await inspect(isThorough: true)).unpublishedEvents == 3)
        #expect(try await StoreInspection.waitingLanes(in: path).contains { $0.first.position == number })
    }

    // MARK: Effects of time

    @Test("Impossible and overdue times are counted")
    func times() async throws {
        try await filledStore().close()
        let day: Int64 = 86_400_000
        let start = Timestamp.start.millisecondsSinceEpoch
        try change("UPDATE jobs SET not_before = accepted_at + \(day) WHERE job_id = 'waiting'")
        try change("UPDATE jobs SET accepted_at = \(start + 3_600_000), not_before = NULL WHERE job_id = 'running'")
        let inspection = try #require(try await inspect())
        #expect(inspection.postponedTooFar == .init(["msp-3 waiting"]))
        #expect(inspection.acceptedAhead == .init(["msp-2 running"]))
        let end = Timestamp.start + .seconds(32 * 86_400)
        let later = try #require(
            try await StoreInspection.make(of: path, clock: { end }, maximumAge: .seconds(86_400), isThorough: false)
        )
        #expect(later.unansweredWrites == .init(["msp-1/workplace storage"]))
        #expect(later.keptTooLong == 2)
        #expect(!later.workers[0].isAlive(at: end))
    }

    /// Slow steps come first: meanwhile leases are extended and jobs accepted.
    @Test("Each row is compared with the time at which it is read")
    func moment() async throws {
        try await filledStore().close()
        let change = self.change
        let inspection = try await StoreInspection.make(
            of: path,
            clock: { [now] in
                #expect(throws: Never.self) { try change("UPDATE jobs SET expiry = 1 WHERE finished_at IS NOT NULL") }
                return now
            },
            maximumAge: .seconds(86_400),
            isThorough: true
        )
        #expect(try #require(inspection).moment == now)
        #expect(try #require(inspection).breaches.isEmpty)
        #expect(try #require(try await inspect()).breaches.map(\.law) == [.finishedIsBlank])
    }

    @Test("A worker whose process has ended is gone, however long its lease")
    func goneWorker() async throws {
        try await filledStore().close()
        let identity = try #require(ProcessIdentity.current)
        let earlier = "\(identity.boot) \(identity.namespace) \(identity.id) 1"
        try change("UPDATE workers SET process = '\(earlier)'")
        let worker = try #require(try await inspect()?.workers.first)
        #expect(worker.isGone && worker.lanes == 1 && !worker.isAlive(at: now))
    }

    // MARK: Files

    @Test("A store of a newer program, another program's database and a damaged one are distinguished")
    func formats() async throws {
        try await filledStore().close()
        let whole = try Data(contentsOf: URL(filePath: path))
        let page = try firstPage(of: "jobs")
        try change("INSERT INTO grdb_migrations (identifier) VALUES ('99')")
        #expect(await refusal() == .newerSchema)
        try change("UPDATE grdb_migrations SET identifier = '6' WHERE identifier = '99'")
        try change("DELETE FROM grdb_migrations WHERE identifier <> '6'")
        #expect(await refusal() == .olderSchema)
        try change("PRAGMA application_id = 1")
        #expect(await refusal() == .corrupt)

        var damaged = whole
        damaged.replaceSubrange(page, with: Data(repeating: 0xEE, count: page.count))
        try damaged.write(to: URL(filePath: path))
        #expect(try await StoreFormat.look(at: path) == .current)
        let problems = try? await StoreIntegrity.problems(of: path, isThorough: false)
        #expect(problems != [])
    }

    @Test("A disk reports its free space, and obstacles to writing the store")
    func disk() async throws {
        try await filledStore().close()
        let disk = try await StoreDisk.look(at: path)
        #expect(disk.size ?? 0 > 0 && disk.free > 0 && disk.hasRoomForFiles && disk.obstacle == nil && !disk.isOpenToOthers)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        #expect(try await StoreDisk.look(at: path).isOpenToOthers)
        #expect(try await StoreDisk.look(at: directory.path("none.sqlite")).size == nil)
        await #expect(throws: StoreError.self) { try await StoreDisk.look(at: "/nowhere/store.sqlite") }
    }

    // MARK: -

    private func inspect(isThorough: Bool = false) async throws -> StoreInspection? {
        try await StoreInspection.make(of: path, clock: { [now] in now }, maximumAge: .seconds(86_400), isThorough: isThorough)
    }

    private func refusal() async -> StoreError.Code? {
        do throws(StoreError) {
            _ = try await StoreFormat.look(at: path)
            return nil
        } catch { return error.code }
    }

    private func change(_ sql: String) throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }

    /// The offset of a table in the file.
    private func firstPage(of table: String) throws -> Range<Int> {
        let queue = try DatabaseQueue(path: path)
        defer { try? queue.close() }
        return try queue.read { database in
            let size = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 0
            let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
            let number = try #require(try Int.fetchOne(database, sql: sql, arguments: [table]))
            return (number - 1) * size..<number * size
        }
    }

    private func contents() throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.url.path)
        return try Dictionary(uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: directory.url.appending(path: $0))) })
    }

    /// A store with an example of everything: msp-1 is connected and has synced, msp-2's job runs, msp-3's waits, msp-4's was refused.
    private func filledStore() async throws -> SQLiteStore {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        _ = try await store.accept([.job("done")], by: .one, at: .start) { _ in preconditionFailure() }
        let done = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
        _ = try await store.complete(
            done.token,
            with: Completion(
                .finished(nil),
                events: [
                    Event(id: "state", type: .integrationEnabled, lane: .one, jobID: nil, time: .start, traceparent: nil, data: [:]),
                    .answering(done, .syncIncomplete),
                ],
                changes: LaneChanges(
                    connection: .set(.sample),
                    refusedCredentials: .remember(RefusedCredentials(digest: [1], at: .start, code: .credentialsInvalid)),
                    bindings: [ServiceBinding(planID: "plan", serviceKey: "license", autotaskServiceID: 1, status: .synced)],
                    journal: [
                        JournalEntry(
                            planID: "plan",
                            serviceKey: "storage",
                            operation: .create,
                            state: .sent,
                            autotaskServiceID: nil,
                            at: .start
                        )
                    ]
                )
            ),
            at: .start
        )
        _ = try await store.accept([.job("running", .two)], by: .one, at: .start) { _ in preconditionFailure() }
        _ = try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }
        let letter = DeadLetter(
            at: .start,
            cause: FailureCause(reason: "untrusted", code: .jobInvalid),
            detail: "",
            content: .message(DeadMessage(sha256: [1], size: 1, queue: "q", routingKey: "k"))
        )
        _ = try await store.accept(
            [.job("waiting", .three), .refused("no", .four, letter), IntakeItem(.deadLetter(letter))],
            by: .one,
            at: .start
        ) { _ in preconditionFailure() }
        return store
    }
}

extension Lane {
    fileprivate static let three = Lane(tenant: TenantID("msp-3")!, product: .workplace)
    fileprivate static let four = Lane(tenant: TenantID("msp-4")!, product: .workplace)
}

extension IntakeItem {
    fileprivate static func refused(_ id: String, _ lane: Lane, _ letter: DeadLetter) -> IntakeItem {
        let key = JobKey(id: JobID(id)!, lane: lane, digest: [1])
        let event = Event(id: "refused", type: .jobRejected, lane: lane, jobID: key.id, time: .start, traceparent: nil, data: [:])
        return IntakeItem(.refused(key, event: event, letter))
    }
}

extension ConnectionRecord {
    fileprivate static let sample = ConnectionRecord(
        status: .connected,
        zone: Zone(name: "Zone", apiURL: "https://zone/", webURL: "https://zone/"),
        databaseID: 5,
        username: "ap…@msp.example",
        wrappedKey: [7, 7],
        sealedCredentials: [8],
        credentialsDigest: [9],
        capabilities: Capabilities(canQueryServices: true, canCreateServices: true, canUpdateServices: true, costVisible: true),
        serviceFields: [1],
        establishedAt: .start
    )
}
