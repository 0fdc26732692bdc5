import Contract
import Store
import Testing

extension Behaviour {
    static let audit: [Behaviour] = [
        Behaviour("every attempt has a row that says who asked, what was done, when, and by which worker") { bench in
            try await bench.accept(.job("a"), at: bench.time(1))
            let claim = try await bench.claimOne(at: bench.time(2))
            var completion = Completion(.finished(nil), events: [bench.event(.syncSucceeded, for: claim)], apiCalls: 3)
            completion.attempt.read = ["services": 4]
            _ = try await bench.store.complete(claim.token, with: completion, at: bench.time(3))
            let row = try #require(try await bench.auditRows().last)
            #expect(row.entry.at == bench.time(3))
            #expect(row.entry.action == "attempt.ended" && row.entry.actor == "worker:worker-1")
            #expect(row.entry.tenant == "msp-1" && row.entry.product == "workplace" && row.entry.jobID == "a")
            #expect(row.entry.publisher == "portal" && row.entry.sealed == nil)
            #expect(row.facts == ["kind": "sync", "attempt": 1, "ended": "sync.succeeded", "calls": 3, "read": ["services": 4]])
            #expect(try await bench.actions() == ["log.began", "attempt.ended"])
            #expect(try await bench.holds())
        },
        Behaviour("an attempt that does not end its job has a row too") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            let deferred = Attempt.Ending.deferred(until: bench.time(9), because: JobError(.rateLimited))
            _ = try await bench.store.complete(claim.token, with: Completion(deferred, events: []), at: Bench.start)
            let again = try await bench.claimOne(at: bench.time(9))
            _ = try await bench.store.complete(again.token, with: Completion(.postponed, events: []), at: bench.time(9))
            let rows = try await bench.auditRows().suffix(2)
            #expect(rows.map { $0.facts["ended"] } == ["job.deferred", "postponed"])
            #expect(rows.map { $0.facts["attempt"] } == [1, 2])
            #expect(rows.first?.facts["code"] == "rate_limited")
        },
        Behaviour("a change of a lane's connection is in the row") { bench in
            try await bench.run(
                "a",
                .one,
                .connect,
                ending: .connectionEstablished,
                changes: LaneChanges(connection: .set(.of(database: 5)))
            )
            #expect(try await bench.lastFacts()["connection"] == ["status": "connected", "databaseId": 5])
            let refused = RefusedCredentials(digest: [1], at: Bench.start, code: .credentialsInvalid)
            try await bench.run(
                "b",
                .one,
                .connect,
                ending: .connectionFailed,
                changes: LaneChanges(refusedCredentials: .remember(refused))
            )
            #expect(try await bench.lastFacts()["credentialsRefused"] == "credentials_invalid")
            try await bench.run("c", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            #expect(try await bench.lastFacts()["credentials"] == "destroyed")
        },
        Behaviour("notes on writes are recorded with their states, in order, before the attempt's end") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            let sent = AuditNote(.writeSent, facts: ["serviceKey": "license"], sealed: [1, 2, 3])
            _ = try await bench.store.journal([.of("license", .sent)], notes: [sent], under: claim.token, at: bench.time(1))
            #expect(try await bench.actions() == ["log.began", "write.sent"])
            let row = try #require(try await bench.auditRows().last)
            #expect(row.entry.at == bench.time(1) && row.entry.jobID == "a" && row.entry.sealed == [1, 2, 3])
            #expect(row.facts == ["serviceKey": "license"])
            let settled = AuditNote(.writeSettled, facts: ["outcome": "confirmed"])
            try await bench.finish(claim, changes: LaneChanges(journal: [.of("license", .confirmed, id: 4)], notes: [settled]))
            #expect(try await bench.actions() == ["log.began", "write.sent", "write.settled", "attempt.ended"])
            #expect(try await bench.holds())
        },
        Behaviour("a call that is refused because another worker has the lane leaves no row") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            try await bench.finish(claim)
            let before = try await bench.auditRows()
            await bench.expectFenced("journal") {
                _ = try await bench.store.journal([], notes: [AuditNote(.writeSent, facts: [:])], under: claim.token, at: Bench.start)
            }
            await bench.expectFenced("complete") { try await bench.finish(claim) }
            #expect(try await bench.auditRows() == before)
        },
        Behaviour("a job that ends without running has one row") { bench in
            try await bench.accept(.job("a"), bench.refusal("b"))
            let expired = bench.event(.jobExpired, lane: .one, job: JobID("a"))
            _ = try await bench.claim { snapshot in
                let order = snapshot.jobs[0].order
                return LaneDecision(settlements: [.init(order: order, event: expired, code: .expired)], next: .wait(until: nil))
            }
            let rows = try await bench.auditRows().suffix(2)
            #expect(rows.map(\.entry.action) == ["job.ended", "job.ended"])
            #expect(rows.map(\.entry.jobID) == ["b", "a"])
            #expect(rows.map(\.entry.publisher) == ["portal", "portal"])
            #expect(rows.map { $0.facts["ended"] } == ["job.rejected", "job.expired"])
            #expect(rows.last?.facts["code"] == "expired")
        },
        Behaviour("an attempt whose worker died has a row that names the worker") { bench in
            try await bench.accept(.job("a"))
            _ = try await bench.claimOne()
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(40), at: bench.time(20))
            let row = try #require(try await bench.auditRows().last)
            #expect(row.entry.action == "attempt.interrupted" && row.entry.actor == "worker:worker-1" && row.entry.jobID == "a")
        },
        Behaviour("operators' actions on dead letters have rows") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            try await bench.finish(claim, .syncFailed, givenUp: GivenUp(.attemptsSpent, JobError(.autotaskUnavailable)))
            let letter = try #require(try await bench.store.letters(.all, after: 0, limit: 1).first)
            _ = try await bench.store.redrive(letter: letter.id, as: .copy("a"), by: .tester, at: bench.time(5))
            var row = try #require(try await bench.auditRows().last)
            #expect(row.entry.action == "letter.redriven" && row.entry.actor == "user:1000" && row.entry.jobID == "a:redrive-1")
            #expect(row.facts["redriveOf"] == "a" && row.facts["letter"] == JSON(letter.id))
            _ = try await bench.store.redrive(letter: letter.id, as: .copy("a"), by: .tester, at: bench.time(6))
            #expect(try await bench.auditRows().last == row)

            _ = try await bench.store.purgeLetters(LetterSelection(reason: "attempts_spent"), by: .tester, at: bench.time(7))
            row = try #require(try await bench.auditRows().last)
            #expect(row.entry.action == "letters.purged" && row.entry.at == bench.time(7))
            #expect(row.facts == ["count": 1, "reason": "attempts_spent"])
            _ = try await bench.store.purgeLetters(.all, by: .tester, at: bench.time(8))
            #expect(try await bench.auditRows().last == row)
        },
        Behaviour("rows are found by tenant, product, job and time, the newest first if limited") { bench in
            try await bench.run("a", .one, at: bench.time(1))
            try await bench.run("b", .two, at: bench.time(2))
            try await bench.run("c", .of("msp-1", .fileProtection), at: bench.time(3))
            try await bench.run("d", .one, at: bench.time(4))
            func jobs(_ selection: AuditSelection, _ limit: Int = 9) async throws -> [String?] {
                try await bench.store.auditRows(selection, newest: limit).map(\.entry.jobID)
            }
            #expect(try await jobs(AuditSelection(tenant: TenantID("msp-1"))) == ["a", "c", "d"])
            #expect(try await jobs(AuditSelection(tenant: TenantID("msp-1"), product: .workplace)) == ["a", "d"])
            #expect(try await jobs(AuditSelection(jobID: JobID("b"))) == ["b"])
            #expect(try await jobs(AuditSelection(since: bench.time(3))) == ["c", "d"])
            #expect(try await jobs(AuditSelection(), 2) == ["c", "d"])
        },
        Behaviour("old rows are forgotten from the beginning on, and the rest still verifies") { bench in
            for day in 0..<5 { try await bench.run("job-\(day)", at: Bench.start + .seconds(day * 86_400)) }
            let now = Bench.start + .seconds(12 * 86_400)
            try await bench.store.prune(at: now, keeping: Retention(audit: .seconds(10 * 86_400)))
            #expect(try await bench.auditRows().map(\.entry.jobID) == ["job-2", "job-3", "job-4"])
            #expect(try await bench.holds())
            try await bench.run("later", at: now)
            #expect(try await bench.holds())
            // The last row stays, so that the log can continue.
            try await bench.store.prune(at: now + .seconds(100 * 86_400), keeping: Retention(audit: .seconds(86_400)))
            #expect(try await bench.auditRows().map(\.entry.jobID) == ["later"])
            try await bench.run("last", at: now)
            #expect(try await bench.holds())
            #expect(try await bench.auditRows().map(\.number) == [7, 8])
        },
        Behaviour("concurrent writers make one chain") { bench in
            let lanes = (0..<40).map { Lane.of("msp-\($0)") }
            for lane in lanes { try await bench.accept(.job("a", lane)) }
            let claims = try await bench.claim(limit: 100).claims
            try await withThrowingDiscardingTaskGroup { group in
                for claim in claims { group.addTask { try await bench.finish(claim) } }
            }
            #expect(try await bench.auditRows().map(\.number) == Array(1...41))
            #expect(try await bench.holds())
        },
    ]
}

extension Bench {
    func auditRows() async throws -> [AuditRow] { try await store.auditPage(after: 0, limit: 1000).rows }

    fileprivate func actions() async throws -> [String] { try await auditRows().map(\.entry.action) }

    fileprivate func lastFacts() async throws -> JSONObject { try #require(try await auditRows().last).facts }

    /// Whether the log verifies.
    fileprivate func holds() async throws -> Bool { try await store.verifyAudit(with: .bench).fault == nil }
}

extension AuditRow {
    var facts: JSONObject { (try? JSON(parsing: Array(entry.facts.utf8)))?.object ?? [:] }
}
