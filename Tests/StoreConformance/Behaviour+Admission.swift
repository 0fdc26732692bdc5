import Contract
import Store
import Testing

extension Behaviour {
    /// Arrivals in a lane in which others wait.
    static let admission: [Behaviour] = [
        Behaviour("an arrival is compared only with its rivals: unfinished jobs of its lane, kind and plan") { bench in
            try await bench.accept(
                .job("done", plan: "p", revision: 1),
                .job("a", plan: "p", revision: 7),
                .job("b", plan: "q"),
                .job("c", .one, .preview, plan: "p"),
                .job("d", .two, plan: "p"),
                .job("e", plan: "p")
            )
            try await bench.finish(try await bench.claimOne(), changes: LaneChanges(ranRevision: (planID: "p", revision: 1)))
            let running = try #require(try await bench.claim().claims.first { $0.token.lane == .one })
            let seen = Seen<Arrival>()
            let intake = try await bench.accept([.job("f", plan: "p", revision: 9)], laneLimit: 100) { arrival in
                seen.value = arrival
                return Admission()
            }
            let arrival = try #require(seen.value)
            #expect(arrival.job.id == JobID("f") && arrival.job.revision == 9 && intake.outcomes == [.accepted(order: arrival.job.order)])
            #expect(arrival.rivals.map(\.id.description) == ["a", "e"] && arrival.running == running.token.order)
            #expect(arrival.ranRevision == 1 && !arrival.isLaneFull)
        },
        Behaviour("an arrival without a rival, in a lane with room, needs no decision") { bench in
            try await bench.accept(
                [.job("a"), .job("b", plan: "q"), .job("c", .one, .billingCodes), .job("d", .one, .billingCodes)],
                laneLimit: 4
            ) {
                _ in preconditionFailure("there is nothing to decide")
            }
            #expect(try await bench.unfinished() == ["a", "b", "c", "d"])
        },
        Behaviour("a job that may be late is compared with jobs requested after it and accepted before it, if they have run or will") {
            bench in
            func item(_ id: String, _ lane: Lane = .one, _ kind: JobKind = .sync, plan: String? = "p", at seconds: Int?) -> IntakeItem {
                .job(id, lane, kind, plan: plan, requestedAt: seconds.map { bench.time($0) })
            }
            try await bench.accept(item("ran", at: 30))
            try await bench.finish(try await bench.claimOne())
            try await bench.accept(item("ran-elsewhere", plan: "q", at: 30))
            try await bench.finish(try await bench.claimOne())
            let rejected: @Sendable (Arrival) -> Admission = { Admission(settlements: [bench.superseding($0.job)]) }
            try await bench.accept([item("waits", at: 40)], laneLimit: 100) { _ in Admission() }
            try await bench.accept([item("superseded", at: 50)], laneLimit: 100, admit: rejected)
            try await bench.accept(
                [
                    item("earlier", at: 9), item("same", at: 10), item("timeless", at: nil), item("other-plan", plan: "q", at: 60),
                    item("other-kind", .one, .preview, at: 60), item("other-lane", .two, at: 60),
                    item("reset", .one, .reset, plan: nil, at: 60), item("other-reset", .two, .reset, plan: nil, at: 60),
                ],
                laneLimit: 100
            ) { _ in Admission() }
            let seen = Seen<[String]>()
            func overtakers(of item: IntakeItem) async throws -> [String]? {
                seen.value = nil
                try await bench.accept([item], laneLimit: 100) { arrival in
                    seen.value = arrival.overtakers.map(\.id.description)
                    return Admission(settlements: [bench.superseding(arrival.job)])
                }
                return seen.value
            }
            let late = IntakeItem.job("late", plan: "p", requestedAt: bench.time(10), overtakersAfter: 0)
            let found = try await overtakers(of: late)
            #expect(found == ["ran", "waits", "reset"])
            let codes = IntakeItem.job("codes", .one, .billingCodes, requestedAt: bench.time(10), overtakersAfter: 0)
            #expect(try await overtakers(of: codes) == ["reset"])
            let other = IntakeItem.job("elsewhere", .of("msp-9"), plan: "p", requestedAt: bench.time(10), overtakersAfter: 0)
            #expect(try await overtakers(of: other) == nil)
            // A job that was there at the first count did not overtake it.
            let place = try await bench.store.countRedelivery(sha256: [1], at: Bench.start).lastPlace
            let counted = IntakeItem.job("counted", plan: "p", requestedAt: bench.time(10), overtakersAfter: place)
            try await bench.accept([item("meanwhile", at: 70)], laneLimit: 100) { _ in Admission() }
            #expect(try await overtakers(of: counted) == ["meanwhile"])
            // Jobs of one batch came in order: none overtook another.
            let last = try await bench.store.countRedelivery(sha256: [2], at: Bench.start).lastPlace
            let batch = [("first", 90), ("second", 10)].map { id, second in
                IntakeItem.job(id, .two, plan: "p", requestedAt: bench.time(second), overtakersAfter: last)
            }
            let overtook = Seen<[String]>()
            try await bench.accept(batch, laneLimit: 100) { arrival in
                if arrival.job.id.description == "second" { overtook.value = arrival.overtakers.map(\.id.description) }
                return Admission()
            }
            #expect(overtook.value == [])
            // All of them: any one may decide.
            let many = (0..<20).map { item("many-\($0)", plan: "r", at: 60 + $0) }
            try await bench.accept(many, laneLimit: 100) { _ in Admission() }
            let behind = IntakeItem.job("behind", plan: "r", requestedAt: bench.time(60), overtakersAfter: place)
            #expect(try await overtakers(of: behind) == (1..<20).map { "many-\($0)" })
            // It has no time of request, or came in order.
            #expect(try await overtakers(of: .job("silent", plan: "p", overtakersAfter: 0)) == [])
            #expect(try await overtakers(of: .job("in-time", plan: "p", requestedAt: bench.time(10))) == [])
        },
        Behaviour("a job is late behind a newer one of its plan even after a reset without a time") { bench in
            try await bench.accept(.job("ran", plan: "p", requestedAt: bench.time(30)))
            try await bench.finish(try await bench.claimOne())
            try await bench.run("reset", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            let overtook = Seen<[String]>()
            let late = IntakeItem.job("late", plan: "p", requestedAt: bench.time(10), overtakersAfter: 0)
            try await bench.accept([late], laneLimit: 100) { arrival in
                overtook.value = arrival.overtakers.map(\.id.description)
                return Admission()
            }
            #expect(overtook.value == ["ran"])
        },
        Behaviour("nothing is accepted if a position was given that the caller does not know") { bench in
            let first = try await bench.accept([.job("a"), bench.refusal("r")], laneLimit: 100) { _ in Admission() }
            let known = try await bench.accept([.job("b", .two)], after: first.lastPlace, laneLimit: 100) { _ in Admission() }
            #expect(known.isTakenIn && known.lastPlace > first.lastPlace)
            // For example, another worker has accepted `b`.
            let stale = try await bench.accept([.job("c"), bench.refusal("s")], after: first.lastPlace, laneLimit: 100) { _ in Admission() }
            #expect(!stale.isTakenIn && stale.outcomes.isEmpty && stale.events.isEmpty && stale.lastPlace == known.lastPlace)
            #expect(try await bench.unfinished() == ["a"])
            let again = try await bench.accept([.job("c")], after: stale.lastPlace, laneLimit: 100) { _ in Admission() }
            #expect(again.isTakenIn && again.outcomes == [.accepted(order: again.lastPlace)])
        },
        Behaviour("a job that an arrival ends has ended with the arrival, and is replayed") { bench in
            try await bench.accept(.job("a", plan: "p", revision: 5))
            let intake = try await bench.accept([.job("b", plan: "p")], laneLimit: 100) { arrival in
                Admission(settlements: [bench.superseding(arrival.rivals[0])], raised: [arrival.job.order: 5])
            }
            #expect(intake.events.types == [.jobSuperseded] && intake.events.sequences == [1])
            #expect(try await bench.unpublished().map(\.event) == intake.events.map(\.event))
            #expect(try await bench.unfinished() == ["b"])
            #expect(try await bench.store.backlog() == 1)
            #expect(try await bench.accept(.job("a", plan: "p", revision: 5)).events.map(\.event) == [intake.events[0].event])
            #expect(try await bench.store.lane(.one)?.unfinished.first?.standing == 5)
        },
        Behaviour("an arrival may end itself: it claims its id, and its lane has nothing more to do") { bench in
            let intake = try await bench.accept([.job("a"), .job("b")], laneLimit: 1) { arrival in
                Admission(settlements: [bench.ending(arrival.job, .jobRejected)])
            }
            #expect(intake.outcomes.last == .ended(.jobRejected) && intake.refusals(of: [.job("a"), .job("b")]) == [.one: 1])
            #expect(try await bench.unfinished() == ["a"])
            #expect(try await bench.accept(.job("b")).outcomes == [.replayed])
            try await bench.finish(try await bench.claimOne())
            #expect(try await bench.claim { _ in preconditionFailure("nothing is there to decide") }.claims.isEmpty)
        },
        Behaviour("a lane is full from its limit on, not counting scheduled checks") { bench in
            let fullness = Seen<[Bool]>()
            let items = (1...4).map { IntakeItem.job("job-\($0)", plan: "p") }
            for item in items {
                _ = try await bench.accept([item], laneLimit: 2) { arrival in
                    fullness.value = (fullness.value ?? []) + [arrival.isLaneFull]
                    return Admission()
                }
            }
            #expect(fullness.value == [false, true, true])
        },
        Behaviour("a lane counts for no more than its share of the backlog") { bench in
            try await bench.accept(.job("a"), .job("b"), .job("c"), .job("d", .two))
            #expect(try await bench.store.backlog(perLane: 2) == Backlog(waiting: 3, held: 0))
            #expect(try await bench.store.backlog(perLane: 1) == Backlog(waiting: 2, held: 0))
            #expect(try await bench.store.backlog() == 4)
        },
    ]

    /// The part of a long lane that a claim looks at.
    static let windows: [Behaviour] = [
        Behaviour("a claim sees a part of a lane with many jobs, and all of one with few") { bench in
            for count in [LaneSnapshot.limit - 2, 3 * LaneSnapshot.limit] {
                let lane = Lane.of("msp-\(count)")
                try await bench.fill(lane, count)
                let snapshot = try await bench.look(at: lane)
                #expect(snapshot.isComplete == (count < LaneSnapshot.limit))
                #expect(snapshot.jobs.map(\.planID) == (1...min(count, LaneSnapshot.limit)).map { "plan-\($0)" })
                #expect(snapshot.jobs.map(\.order) == snapshot.jobs.map(\.order).sorted())
            }
        },
        Behaviour("a part holds what supersedes its jobs, the newest of each kind without a plan, and written or expired jobs") {
            bench in
            try await bench.accept(.job("written", plan: "w"))
            let written = try await bench.claimOne()
            _ = try await bench.store.journal([.of("x", .sent)], under: written.token, at: Bench.start)
            let deferral = Completion(.deferred(until: bench.time(500)), events: [])
            _ = try await bench.store.complete(written.token, with: deferral, at: Bench.start)
            try await bench.fill(.one, 100)
            try await bench.accept(
                .job("high", plan: "plan-1", revision: 9),
                .job("none", plan: "plan-1"),
                .job("low", plan: "plan-1", revision: 3),
                .job("connect", .one, .connect),
                .job("connect-2", .one, .connect),
                .job("reset", .one, .reset),
                .job("late", .one, plan: "z", expiry: bench.time(5)),
                .job("later", .one, plan: "z", expiry: bench.time(50))
            )
            let snapshot = try await bench.look(at: .one, at: bench.time(10))
            let names = snapshot.jobs.map(\.id.description)
            #expect(names.prefix(2) == ["written", "fill-1"] && !snapshot.isComplete && snapshot.nextMoment == bench.time(50))
            #expect(Array(names.suffix(5)) == ["high", "none", "connect-2", "reset", "late"] && names.count == 1 + 64 + 5)
        },
        Behaviour("jobs that wait for a time are in a part once it has come, wherever they are") { bench in
            try await bench.accept(.job("retried", plan: "r"))
            let claim = try await bench.claimOne()
            _ = try await bench.store.complete(
                claim.token,
                with: Completion(.deferred(until: bench.time(30)), events: []),
                at: Bench.start
            )
            try await bench.fill(.one, 100)
            #expect(try await bench.look(at: .one, at: bench.time(29)).jobs.first?.id == JobID("fill-1"))
            #expect(try await bench.look(at: .one, at: bench.time(29)).nextMoment == bench.time(30))
            #expect(try await bench.look(at: .one, at: bench.time(30)).jobs.first?.id == JobID("retried"))
        },
        Behaviour("the jobs that must end before a job runs are shown with it, wherever they wait") { bench in
            try await bench.accept(.job("old", plan: "plan-1"))
            let claim = try await bench.claimOne()
            _ = try await bench.store.complete(claim.token, with: Completion(.deferred(until: bench.time(30)), events: []), at: Bench.start)
            try await bench.fill(.one, 100)
            let seen = Seen<[[String]]>()
            _ = try await bench.claim { snapshot in
                seen.value = (seen.value ?? []) + [snapshot.jobs.map(\.id.description)]
                let first = snapshot.jobs.first { $0.id == JobID("fill-1") }
                return LaneDecision(next: .run(order: first?.order ?? 0, .work))
            }
            #expect(seen.value?.count == 2 && seen.value?.map { $0.contains("old") } == [false, true])
        },
        Behaviour("a lane that must be looked at again goes to the end of the line, and the claim says so") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            let looked = Seen<[Lane]>()
            let first = try await bench.claim { snapshot in
                looked.value = (looked.value ?? []) + [snapshot.lane]
                return snapshot.lane == .one ? LaneDecision(next: .again) : snapshot.inOrder(at: Bench.start)
            }
            #expect(looked.value == [.one, .two] && first.hasMore && first.jobs == ["b"])
            let second = try await bench.claim()
            #expect(second.jobs == ["a"] && !second.hasMore)
        },
        Behaviour("a job for which others ended no longer expires") { bench in
            try await bench.accept(.job("a", expiry: bench.time(5)))
            _ = try await bench.claim { LaneDecision(next: .again, committed: $0.jobs[0].order) }
            #expect(try await bench.store.lane(.one)?.unfinished.first?.expiry == nil)
        },
    ]
}

/// The arguments of a pure function.
private final class Seen<Value>: @unchecked Sendable {
    // Unchecked: set by calls that have returned before it is read.
    var value: Value?
}

extension Bench {
    @discardableResult
    fileprivate func accept(
        _ items: [IntakeItem],
        after lastPlace: Int64? = nil,
        laneLimit: Int,
        admit: @escaping @Sendable (Arrival) -> Admission
    ) async throws -> Acceptance {
        let rules = IntakeRules(laneLimit: laneLimit, lastPlace: lastPlace, admit: admit) { conflict($0) }
        return try await store.accept(items, by: worker, at: Bench.start, rules: rules)
    }

    fileprivate func ending(_ job: QueuedJob, _ type: EventType) -> LaneDecision.Settlement {
        LaneDecision.Settlement(order: job.order, event: event(type, lane: .one, job: job.id), code: .superseded)
    }

    fileprivate func superseding(_ job: QueuedJob) -> LaneDecision.Settlement { ending(job, .jobSuperseded) }

    /// Accepts syncs of different plans.
    fileprivate func fill(_ lane: Lane, _ count: Int) async throws {
        let items = (1...count).map { IntakeItem.job("fill-\($0)", lane, plan: "plan-\($0)") }
        _ = try await store.accept(items, by: worker, at: Bench.start) { conflict($0) }
    }

    /// The view of a lane in its next decision.
    fileprivate func look(at lane: Lane, at now: Timestamp = Bench.start) async throws -> LaneSnapshot {
        let seen = Seen<LaneSnapshot>()
        _ = try await claim(at: now) { snapshot in
            if snapshot.lane == lane { seen.value = snapshot }
            return LaneDecision(next: .again)
        }
        return try #require(seen.value)
    }
}
