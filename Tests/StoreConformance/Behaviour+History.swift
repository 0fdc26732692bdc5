import Contract
import Store
import Testing

extension Behaviour {
    static let history: [Behaviour] = [
        Behaviour("a job's request and its attempts' calls are kept, however they end") { bench in
            try await bench.accept(.job("a"))
            let until = (bench.time(10), bench.time(20))
            let attempts = [
                bench.attempt(
                    0...5,
                    .deferred(until: until.0, because: JobError(.autotaskUnavailable)),
                    calls: [.of(500, at: 1), .of("timedOut", at: 2)]
                ),
                bench.attempt(10...11, .postponed),
                bench.attempt(11...12, .deferred(until: until.1, because: JobError(.rateLimited), counts: false)),
                bench.attempt(20...22, .finished(nil), calls: [.of(200, at: 21)], wrote: true),
            ]
            for (index, attempt) in attempts.enumerated() { try await bench.end(attempt, asked: index == 0 ? "first" : "later") }
            let record = try await bench.record("a")
            #expect(record.asked.map { String(decoding: $0, as: UTF8.self) } == #"{"what":"first"}"#)
            #expect(record.made == attempts)
            #expect(record.attempts == 2 && record.heldUp == 1 && record.interruptions == 0 && record.apiCalls == 3)
            #expect(record.kind == .sync && record.publisher == "portal" && record.acceptedAt == Bench.start)
            guard case .ended(bench.time(22), let event) = record.state else { throw IssueRecorded("it has ended") }
            #expect(event.event.type == .syncSucceeded && event.sequence == 3)
            #expect(try await bench.store.lane(.one)?.finished.first?.apiCalls == 3)
        },
        Behaviour("an attempt that died is recorded as unknown") { bench in
            try await bench.accept(.job("a"))
            _ = try await bench.claimOne()
            try await bench.store.leave(bench.worker, at: bench.time(3))
            let last = bench.attempt(4...5, .finished(nil))
            try await bench.end(last)
            let record = try await bench.record("a")
            #expect(record.interruptions == 1)
            #expect(record.made == [Attempt(ended: bench.time(3), .interrupted(bench.worker)), last])
        },
        Behaviour("a waiting, running or finished job is found, with or without its tenant") { bench in
            try await bench.accept(.job("a"), .job("b"), .job("a", .two), bench.refusal("r"))
            #expect(try await bench.store.jobs(named: JobID("a")!, of: nil).map(\.lane) == [.one, .two])
            #expect(try await bench.store.jobs(named: JobID("a")!, of: Lane.two.tenant).map(\.lane) == [.two])
            #expect(try await bench.store.jobs(named: JobID("b")!, of: Lane.two.tenant).isEmpty)
            #expect(try await bench.store.jobs(named: JobID("unheard-of")!, of: nil).isEmpty)
            guard case .waiting(nil) = try await bench.record("a").state else { throw IssueRecorded("it waits") }
            let claim = try #require(try await bench.claim().claims.first { $0.token.lane == .one })
            guard case .running = try await bench.record("a").state else { throw IssueRecorded("it runs") }
            guard case .waiting(nil) = try await bench.record("b").state else { throw IssueRecorded("it waits behind") }
            try await bench.end(bench.attempt(0...0, .deferred(until: bench.time(9))), of: claim)
            guard case .waiting(bench.time(9)) = try await bench.record("a").state else { throw IssueRecorded("it waits for a time") }
            let refused = try await bench.record("r")
            guard case .ended(_, let event) = refused.state else { throw IssueRecorded("it was refused") }
            #expect(refused.kind == nil && refused.asked == nil && refused.made.isEmpty && event.event.type == .jobRejected)
        },
        Behaviour("the first attempts that do not end a job are recorded, and the one that ends it always") { bench in
            try await bench.accept(.job("a"))
            for second in 0..<Attempt.limit + 5 { try await bench.end(bench.attempt(second...second, .postponed)) }
            try await bench.end(bench.attempt(500...500, .finished(nil)))
            let made = try await bench.record("a").made
            #expect(made.count == Attempt.limit + 1)
            #expect(made.map(\.began).suffix(2) == [bench.time(Attempt.limit - 1), bench.time(500)])
        },
        Behaviour("a dead letter lists the attempts that counted, also those that the history does not show") { bench in
            try await bench.accept(.job("a"))
            for second in 0..<Attempt.limit { try await bench.end(bench.attempt(second...second, .postponed)) }
            let late = bench.attempt(200...201, .deferred(until: bench.time(210), because: JobError(.timeout)), calls: [.of(500, at: 200)])
            try await bench.end(late)
            let last = bench.attempt(300...301, .givenUp(GivenUp(.attemptsSpent, JobError(.timeout, "It was Tuesday."))))
            try await bench.end(last)
            let made = try await bench.record("a").made
            #expect(made.count == Attempt.limit + 1 && made.last == last.kept)
            guard case .job(let job)? = try await bench.store.deadLetters().first?.content else { throw IssueRecorded("it is given up") }
            #expect(job.history == [late.outline] && job.history.first?.calls == [])
        },
        Behaviour("a reset erases the history of its lane, and records only itself") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            let attempt = bench.attempt(0...0, .finished(nil))
            for claim in try await bench.claim().claims { try await bench.end(attempt, of: claim) }
            try await bench.accept(.job("late"))
            try await bench.end(bench.attempt(0...0, .deferred(until: bench.time(60))))
            try await bench.accept(.job("r", .one, .reset))
            let claim = try await bench.claimOne()
            let reset = Completion(
                attempt,
                events: [bench.event(.integrationReset, for: claim)],
                changes: LaneChanges(resets: true),
                keepsHistory: true
            )
            _ = try await bench.store.complete(claim.token, with: reset, at: Bench.start)
            for id in ["a", "late"] {
                let record = try await bench.record(id)
                #expect(record.asked == nil && record.made.isEmpty)
            }
            #expect(try await bench.record("r").made.count == 1)
            #expect(try await bench.record("b", .two).made.count == 1)
        },
        Behaviour("history is kept as long as the operator sets, and that of unfinished jobs longer") { bench in
            for (id, second) in [("old", 0), ("new", 86_400)] {
                try await bench.accept(.job(id), at: bench.time(second))
                try await bench.end(bench.attempt(second...second, .finished(nil)))
            }
            try await bench.accept(.job("waiting"))
            try await bench.end(bench.attempt(0...0, .deferred(until: bench.time(900 * 86_400))))
            try await bench.store.prune(at: bench.time(10 * 86_400), keeping: Retention(history: .seconds(10 * 86_400)))
            #expect(try await bench.record("old").made.isEmpty)
            #expect(try await bench.record("old").asked == nil)
            #expect(try await bench.record("new").made.count == 1)
            try await bench.store.prune(at: bench.time(10 * 86_400), keeping: Retention(history: .zero))
            #expect(try await bench.record("new").made.isEmpty)
            #expect(try await bench.record("waiting").made.count == 1)
        },
        Behaviour("an attempt without a record leaves no history") { bench in
            try await bench.accept(.job("a"))
            try await bench.end(bench.attempt(0...0, .deferred(until: bench.time(1))), keepsHistory: false)
            #expect(try await bench.record("a").made.isEmpty)
            try await bench.end(bench.attempt(1...1, .finished(nil)), keepsHistory: false)
            let record = try await bench.record("a")
            #expect(record.asked == nil && record.made.isEmpty && record.attempts == 2)
            // The operator ended the history while the job waited.
            try await bench.accept(.job("b"))
            try await bench.end(bench.attempt(0...0, .deferred(until: bench.time(1))), asked: "first")
            try await bench.end(bench.attempt(1...1, .finished(nil)), keepsHistory: false)
            let later = try await bench.record("b")
            #expect(later.asked == nil && later.made.isEmpty)
        },
    ]
}

extension CallRecord {
    fileprivate static func of(_ status: Int, at seconds: Int) -> CallRecord { of(.status(status), at: seconds) }

    fileprivate static func of(_ word: String, at seconds: Int) -> CallRecord { of(.none(word), at: seconds) }

    private static func of(_ answer: Answer, at seconds: Int) -> CallRecord {
        CallRecord(
            at: Bench.start + .seconds(seconds),
            method: "POST",
            host: "webservices14.autotask.net",
            path: "Services/query",
            answer: answer,
            duration: .milliseconds(34)
        )
    }
}

extension Bench {
    /// An attempt between two seconds, of which every call counts.
    fileprivate func attempt(
        _ seconds: ClosedRange<Int>,
        _ ending: Attempt.Ending,
        calls: [CallRecord] = [],
        wrote: Bool = false
    ) -> Attempt {
        Attempt(
            began: time(seconds.lowerBound),
            ended: time(seconds.upperBound),
            ending,
            calls: calls,
            apiCalls: calls.count,
            wrote: wrote
        )
    }

    /// Claims a job for an attempt, and ends it so.
    fileprivate func end(_ attempt: Attempt, asked: String = "first", keepsHistory: Bool = true) async throws {
        try await end(attempt, of: claimOne(at: attempt.began ?? Bench.start), asked: asked, keepsHistory: keepsHistory)
    }

    fileprivate func end(
        _ attempt: Attempt,
        of claim: LaneClaim,
        asked: String = "first",
        keepsHistory: Bool = true
    ) async throws {
        let events: [Event] =
            switch attempt.ending {
            case .finished, .givenUp: [event(.syncSucceeded, for: claim)]
            case .deferred: [event(.jobDeferred, for: claim)]
            case .postponed, .interrupted: []
            }
        let completion = Completion(
            attempt,
            events: events,
            asked: keepsHistory ? Array(#"{"what":"\#(asked)"}"#.utf8) : nil,
            keepsHistory: keepsHistory
        )
        _ = try await store.complete(claim.token, with: completion, at: attempt.ended)
    }

    fileprivate func record(_ id: String, _ lane: Lane = .one) async throws -> JobRecord {
        try #require(try await store.jobs(named: JobID(id)!, of: lane.tenant).first)
    }
}
