import Contract
import GRDB
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// A file of an earlier version, as that left it.
struct MigrationTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
    }

    @Test("A store of version 1 keeps its jobs, events and dead letters, and goes on")
    func version1() async throws {
        let queue = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(queue, upTo: "1")
        try await queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO lanes (id, tenant, product, epoch, next_sequence, turn) VALUES (1, 'msp-1', 'workplace', 1, 2, 1);
                    INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, accepted_at, attempts, payload)
                        VALUES (1, 1, 'msp-1', 'a', x'01', 'sync', 5000, 1, x'0101');
                    INSERT INTO outbox (position, worker, tenant, product, epoch, sequence, event_id, type, job_id, time, data)
                        VALUES (1, 'worker-0', 'msp-1', 'workplace', 1, 1, 'e', 'job.rejected', 'b', 5000, '{}');
                    INSERT INTO dead_letters (id, at, reason, detail, sha256, size, queue, routing_key, publisher, tenant, job_id)
                        VALUES (3, 5000, 'job_invalid', 'planId is missing.', x'0707', 12, 'autotask.jobs', 'sync.msp-1', 'portal',
                            'msp-1', 'b'), (7, 6000, 'untrusted', 'No.', x'0808', 13, 'autotask.jobs', 'reset.msp-2', NULL, NULL, NULL);
                    INSERT INTO counters (name, value) VALUES ('place', 1), ('position', 1), ('turn', 1);
                    """
            )
        }
        try queue.close()

        let store = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        let letters = try await store.letters(.all, after: 0, limit: 10)
        #expect(letters.map(\.id) == [3, 7])
        #expect(letters.map(\.obstacle) == [.bodyNotKept, .bodyNotKept])
        let first = DeadLetter(
            at: Timestamp(millisecondsSinceEpoch: 5000),
            cause: FailureCause(reason: "job_invalid"),
            detail: "planId is missing.",
            tenant: Lane.one.tenant,
            jobID: JobID("b"),
            publisher: "portal",
            content: .message(DeadMessage(sha256: [7, 7], size: 12, queue: "autotask.jobs", routingKey: "sync.msp-1"))
        )
        #expect(letters[0].letter == first)
        // By the fingerprint that new letters of the cause have.
        let chosen = LetterSelection(fingerprint: first.cause.fingerprint)
        #expect(try await store.letters(chosen, after: 0, limit: 10).map(\.id) == [3])
        #expect(try await store.unpublished(of: WorkerID("worker-0"), after: 0, limit: 10).map(\.event.event.id) == ["e"])

        let claim = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
        #expect(claim.job.id == JobID("a") && claim.job.attempts == 2 && claim.job.redriveOf == nil)
        let end = Completion(
            .finished,
            events: [.answering(claim, .syncFailed)],
            givenUp: GivenUp(.attemptsSpent, JobError(.autotaskUnavailable))
        )
        _ = try await store.complete(claim.token, with: end, at: .start)
        let all = try await store.letters(.all, after: 0, limit: 10)
        #expect(all.map(\.id) == [3, 7, 8] && all[2].obstacle == nil)

        // What does not name its product is erased with either.
        let reset = LaneChanges(resets: true)
        _ = try await store.accept([.job("r", .one, .reset)], by: .one, at: .start) { _ in preconditionFailure("there is no conflict") }
        let claimed = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
        _ = try await store.complete(
            claimed.token,
            with: Completion(.finished, events: [.answering(claimed, .integrationReset)], changes: reset),
            at: .start
        )
        #expect(try await store.letters(.all, after: 0, limit: 10).map(\.letter.detail) == ["", "No.", ""])
        await store.close()
    }

    @Test("The id of a plan comes into its one form")
    func planIDs() async throws {
        let queue = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(queue, upTo: "6")
        let (composed, decomposed) = ("B\u{FC}ro", "Bu\u{308}ro")
        try await queue.write { database in
            try database.execute(
                sql: "INSERT INTO lanes (id, tenant, product, epoch, next_sequence) VALUES (1, 'msp-1', 'workplace', 1, 2)"
            )
            for (plan, key) in [(decomposed, "a"), (decomposed, "b"), (composed, "b")] {
                try database.execute(
                    sql: "INSERT INTO bindings (lane, plan, service_key, status) VALUES (1, ?, ?, 'Synced')",
                    arguments: [plan, key]
                )
            }
            try database.execute(sql: "INSERT INTO plans (lane, plan, revision) VALUES (1, ?, 7)", arguments: [decomposed])
            for (place, plan) in [(1, decomposed), (2, composed), (3, nil)] {
                try database.execute(
                    sql: """
                        INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, plan, accepted_at, payload)
                            VALUES (?, 1, 'msp-1', ?, x'01', 'sync', ?, 5000, x'0101')
                        """,
                    arguments: [place, "job-\(place)", plan]
                )
            }
        }
        try Schema.migrator.migrate(queue)
        let kept = try await queue.read { database in
            try String.fetchAll(
                database,
                sql: "SELECT service_key FROM bindings WHERE plan = ? UNION ALL SELECT revision FROM plans WHERE plan = ?",
                arguments: [composed, composed]
            )
        }
        #expect(kept == ["a", "b", "7"])
        // A job that waits is of the same plan as the next that is accepted.
        let waiting = try await queue.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM jobs WHERE plan = ?", arguments: [composed]) }
        #expect(waiting == 2)
        try queue.close()
    }

    @Test("A store of version 2 keeps its jobs, and its audit log begins with the next, saying how many were before")
    func version2() async throws {
        let queue = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(queue, upTo: "2")
        try await queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO lanes (id, tenant, product, epoch, next_sequence, turn) VALUES (1, 'msp-1', 'workplace', 1, 2, 1);
                    INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, accepted_at, attempts, publisher, payload)
                        VALUES (7, 1, 'msp-1', 'a', x'01', 'sync', 5000, 1, 'portal', x'0101');
                    INSERT INTO counters (name, value) VALUES ('place', 7), ('turn', 1);
                    """
            )
        }
        try queue.close()

        let store = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        #expect(try await store.verifyAudit(with: .bench) == AuditReport(fault: nil, count: 0, head: nil, anchor: nil))
        let claim = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
        _ = try await store.complete(claim.token, with: Completion(.finished, events: [.answering(claim, .syncSucceeded)]), at: .start)
        let rows = try await store.auditPage(after: 0, limit: 9).rows
        #expect(rows.map(\.entry.action) == ["log.began", "attempt.ended"])
        #expect(rows[0].entry.facts == #"{"jobsAccepted":7}"# && rows[1].entry.publisher == "portal")
        #expect(try await store.verifyAudit(with: .bench).fault == nil)
        await store.close()
    }

    @Test("A store of version 4 has its connections looked at from now on")
    func version4Checks() async throws {
        let queue = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(queue, upTo: "4")
        try await queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO lanes (id, tenant, product, epoch, next_sequence, database_id) VALUES (1, 'msp-1', 'workplace', 1, 2, 5),
                        (2, 'msp-2', 'workplace', 1, 2, NULL);
                    INSERT INTO connections VALUES (1, 'connected', 'Z', 'https://z/', 'https://z/', 5, 'ap…', x'01', x'02', 1, 1, 1, NULL, x'03',
                        5000);
                    INSERT INTO credential_keys VALUES (1, x'04');
                    """
            )
        }
        try queue.close()

        let store = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        let round = CheckRound(checks: JobKind.scheduled.map { .init($0, every: .seconds(100)) }, limit: 10) { 0 }
        #expect(try await store.enterChecks(round, at: .start) == 1)
        #expect(try await store.lane(.one)?.unfinished.map(\.kind) == [.verify])
        #expect(try await store.lane(.two)?.unfinished == [])
        await store.close()
    }

    @Test("A store of version 4 keeps its jobs, of which no history is known, and keeps it from then on")
    func version4History() async throws {
        let queue = try DatabaseQueue(path: path)
        try Schema.migrator.migrate(queue, upTo: "4")
        try await queue.write { database in
            try database.execute(
                sql: """
                    INSERT INTO lanes (id, tenant, product, epoch, next_sequence, turn) VALUES (1, 'msp-1', 'workplace', 1, 2, 1);
                    INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, accepted_at, attempts, api_calls, finished_at, event_id,
                            event_type, event_time, epoch, sequence, data)
                        VALUES (1, 1, 'msp-1', 'done', x'01', 'sync', 5000, 1, 2, 6000, 'e', 'sync.succeeded', 6000, 1, 1, '{}');
                    INSERT INTO jobs (place, lane, tenant, job_id, digest, kind, accepted_at, payload)
                        VALUES (2, 1, 'msp-1', 'waiting', x'01', 'sync', 5000, x'0101');
                    INSERT INTO counters (name, value) VALUES ('place', 2), ('turn', 1);
                    """
            )
        }
        try queue.close()

        let store = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        let done = try #require(try await store.jobs(named: JobID("done")!, of: nil).first)
        #expect(done.asked == nil && done.made.isEmpty && done.attempts == 1 && done.apiCalls == 2)
        let claim = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
        var completion = Completion(.finished, events: [.answering(claim, .syncSucceeded)])
        completion.account = AttemptAccount(begunAt: .start, asked: nil, calls: [])
        _ = try await store.complete(claim.token, with: completion, at: .start)
        #expect(try await store.jobs(named: JobID("waiting")!, of: nil).first?.made.map(\.ending) == [.finished])
        await store.close()
    }
}
