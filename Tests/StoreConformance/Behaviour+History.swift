import Contract
import Store
import Testing

extension Behaviour {
    static let history: [Behaviour] = [
        Behaviour("a job's request and its attempts' calls are kept, however they end") { bench in
            try await bench.accept(.job("a"))
            let calls = [CallRecord.of(500, at: 1), .of("timedOut", at: 2)]
            let deferral = Disposition.deferred(until: bench.time(10), because: .autotaskUnavailable)
            try await bench.end(bench.claimOne(), deferral, bench.account(calls: calls), at: bench.time(5))
            try await bench.end(bench.claimOne(at: bench.time(10)), .postponed, bench.account(at: 10), at: bench.time(11))
            let heldUp = Disposition.deferred(until: bench.time(20), counts: false)
            try await bench.end(bench.claimOne(at: bench.time(11)), heldUp, bench.account(asked: "later", at: 11), at: bench.time(12))
            try await bench.end(
                bench.claimOne(at: bench.time(20)),
                .finished,
                bench.account(at: 20, calls: [.of(200, at: 21)]),
                at: bench.time(22)
            )
            let record = try await bench.record("a")
            #expect(record.asked.map { String(decoding: $0, as: UTF8.self) } == #"{"what":"first"}"#)
            #expect(
                record.made == [
                    AttemptRecord(
                        begunAt: Bench.start,
                        endedAt: bench.time(5),
                        ending: .deferred(because: .autotaskUnavailable, until: bench.time(10)),
                        calls: calls
                    ),
                    AttemptRecord(begunAt: bench.time(10), endedAt: bench.time(11), ending: .postponed),
                    AttemptRecord(
                        begunAt: bench.time(11),
                        endedAt: bench.time(12),
                        ending: .deferred(because: nil, until: bench.time(20))
                    ),
                    AttemptRecord(begunAt: bench.time(20), endedAt: bench.time(22), ending: .finished, calls: [.of(200, at: 21)]),
                ]
            )
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
            try await bench.end(bench.claimOne(at: bench.time(4)), .finished, bench.account(at: 4), at: bench.time(5))
            let record = try await bench.record("a")
            #expect(record.interruptions == 1)
            #expect(record.made.first == AttemptRecord(begunAt: nil, endedAt: bench.time(3), ending: .interrupted(bench.worker)))
            #expect(record.made.map(\.ending).last == .finished)
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
            try await bench.end(claim, .deferred(until: bench.time(9)), nil, at: Bench.start)
            guard case .waiting(bench.time(9)) = try await bench.record("a").state else { throw IssueRecorded("it waits for a time") }
            let refused = try await bench.record("r")
            guard case .ended(_, let event) = refused.state else { throw IssueRecorded("it was refused") }
            #expect(refused.kind == nil && refused.asked == nil && refused.made.isEmpty && event.event.type == .jobRejected)
        },
        Behaviour("the first attempts that do not end a job are recorded, and the one that ends it always") { bench in
            try await bench.accept(.job("a"))
            for second in 0..<AttemptRecord.limit + 5 {
                try await bench.end(bench.claimOne(at: bench.time(second)), .postponed, bench.account(at: second), at: bench.time(second))
            }
            try await bench.end(bench.claimOne(at: bench.time(500)), .finished, bench.account(at: 500), at: bench.time(500))
            let made = try await bench.record("a").made
            #expect(made.count == AttemptRecord.limit + 1)
            #expect(made.map(\.begunAt).suffix(2) == [bench.time(AttemptRecord.limit - 1), bench.time(500)])
        },
        Behaviour("a reset erases the history of its lane, and records only itself") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            for claim in try await bench.claim().claims { try await bench.end(claim, .finished, bench.account(), at: Bench.start) }
            try await bench.accept(.job("late"))
            try await bench.end(bench.claimOne(), .deferred(until: bench.time(60)), bench.account(), at: Bench.start)
            try await bench.accept(.job("r", .one, .reset))
            let claim = try await bench.claimOne()
            var reset = Completion(
                .finished,
                events: [bench.event(.integrationReset, for: claim)],
                changes: LaneChanges(resets: true)
            )
            reset.account = bench.account()
            _ = try await bench.store.complete(claim.token, with: reset, at: Bench.start)
            for id in ["a", "late"] {
                let record = try await bench.record(id)
                #expect(record.asked == nil && record.made.isEmpty)
            }
            #expect(try await bench.record("r").made.count == 1)
            #expect(try await bench.record("b", .two).made.count == 1)
        },
        Behaviour("history is kept as long as the operator sets, and that of unfinished jobs longer") { bench in
            for (id, day) in [("old", 0), ("new", 1)] {
                let now = bench.time(day * 86_400)
                try await bench.accept(.job(id), at: now)
                try await bench.end(bench.claimOne(at: now), .finished, bench.account(), at: now)
            }
            try await bench.accept(.job("waiting"))
            try await bench.end(bench.claimOne(), .deferred(until: bench.time(900 * 86_400)), bench.account(), at: Bench.start)
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
            try await bench.end(bench.claimOne(), .deferred(until: bench.time(1)), nil, at: Bench.start)
            try await bench.end(bench.claimOne(at: bench.time(1)), .finished, nil, at: bench.time(1))
            let record = try await bench.record("a")
            #expect(record.asked == nil && record.made.isEmpty && record.attempts == 2)
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
    fileprivate func account(asked: String = "first", at seconds: Int = 0, calls: [CallRecord] = []) -> AttemptAccount {
        AttemptAccount(begunAt: time(seconds), asked: Array(#"{"what":"\#(asked)"}"#.utf8), calls: calls)
    }

    /// Ends an attempt, with the given number of recorded calls.
    fileprivate func end(_ claim: LaneClaim, _ disposition: Disposition, _ account: AttemptAccount?, at now: Timestamp) async throws {
        let events: [Event] =
            switch disposition {
            case .finished: [event(.syncSucceeded, for: claim)]
            case .deferred: [event(.jobDeferred, for: claim)]
            case .postponed: []
            }
        var completion = Completion(disposition, events: events, apiCalls: account?.calls.count ?? 0)
        completion.account = account
        _ = try await store.complete(claim.token, with: completion, at: now)
    }

    fileprivate func record(_ id: String, _ lane: Lane = .one) async throws -> JobRecord {
        try #require(try await store.jobs(named: JobID(id)!, of: lane.tenant).first)
    }
}
