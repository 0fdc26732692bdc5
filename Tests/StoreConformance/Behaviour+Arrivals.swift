import Contract
import Store
import Testing

extension Behaviour {
    static let arrivals: [Behaviour] = [
        Behaviour("a job of an idle lane begins in the transaction that accepts it, as a claim would begin it") { bench in
            for lane in [Lane.one, .two] {
                try await bench.connect([lane], database: lane == .one ? 5 : 6)
                try await bench.run("old-\(lane.tenant)", lane, changes: LaneChanges(ranRevision: (planID: "plan-1", revision: 4)))
            }
            let taken = try await bench.begin(.job("a", .one, plan: "plan-1", revision: 5))
            try await bench.accept(.job("a", .two, plan: "plan-1", revision: 5))
            let (begun, claimed) = (try #require(taken.claims.first), try await bench.claimOne())
            #expect(taken.outcomes == [.accepted(order: begun.job.order)] && taken.lastPlace == begun.job.order)
            var job = begun.job
            job.order = claimed.job.order
            #expect(job == claimed.job && job.attempts == 1)
            #expect(begun.sealedPayload == claimed.sealedPayload && begun.mode == claimed.mode && begun.dueSince == claimed.dueSince)
            #expect(begun.token.fence == claimed.token.fence && begun.token.worker == claimed.token.worker)
            #expect(begun.state.connection?.databaseID == 5 && begun.state.bindings == claimed.state.bindings)
            let stored = try #require(try await bench.store.lane(.one)?.unfinished.first)
            #expect(stored == begun.job)
            #expect(try await bench.claim().claims.isEmpty)
            try await bench.finish(begun)
            #expect(try await bench.unfinished().isEmpty)
        },
        Behaviour("a job that begins at once has the deadline of its kind") { bench in
            let claim = try #require(try await bench.begin(.job("a", .one, .connect)).claims.first)
            #expect(claim.job.deadline == bench.time(60))
            #expect(try await bench.store.lane(.one)?.unfinished.first?.deadline == bench.time(60))
        },
        Behaviour("another worker takes over what began at once, and counts its interruption") { bench in
            let claim = try #require(try await bench.begin(.job("a")).claims.first)
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(60), at: bench.time(20))
            let job = try await bench.claimOne(by: other, at: bench.time(20)).job
            #expect(job.id == claim.job.id && job.attempts == 1 && job.interruptions == 1)
            await bench.expectFenced("the first worker is too late") { _ = try await bench.finish(claim) }
        },
        Behaviour("a job waits in its lane while another begins") { bench in
            let first = try #require(try await bench.begin(.job("a")).claims.first)
            #expect(try await bench.begin(.job("b")).claims.isEmpty)
            #expect(try await bench.claim().claims.isEmpty)
            try await bench.finish(first)
            #expect(try await bench.claim().jobs == ["b"])
        },
        Behaviour("of a batch with several jobs of a lane, none of these begins") { bench in
            let taken = try await bench.begin(.job("a"), .job("b", .two), .job("a2"))
            #expect(taken.jobs == ["b"])
            #expect(try await bench.claim().jobs == ["a"])
        },
        Behaviour("no job begins before lanes that are in line or due") { bench in
            try await bench.accept(.job("a"))
            #expect(try await bench.begin(.job("b", .two)).claims.isEmpty)
            let claim = try await bench.claimOne()
            try await bench.finish(try await bench.claimOne())
            let later = Completion(.deferred(until: bench.time(30), because: JobError(.timeout)), events: [])
            _ = try await bench.store.complete(claim.token, with: later, at: Bench.start)
            let early = try await bench.begin(.job("c", .two), at: bench.time(29))
            #expect(early.jobs == ["c"])
            #expect(try await bench.begin(.job("d", .three), at: bench.time(30)).claims.isEmpty)
            #expect(try await bench.claimDue(at: bench.time(30)).jobs == ["d", "a"])
        },
        Behaviour("no job begins if the batch has more items than there are free slots") { bench in
            let taken = try await bench.begin(.job("a"), .job("b", .two), free: 1)
            #expect(taken.claims.isEmpty)
            #expect(try await bench.claim().jobs == ["a", "b"])
        },
        Behaviour("no job begins while a pause exists, or without a place at its database") { bench in
            try await bench.connect([.one, .two, .three], database: 5)
            #expect(try await bench.begin(.job("a"), .job("b", .two), .job("c", .three)).jobs == ["a", "b"])
            #expect(try await bench.claim().claims.isEmpty)
            _ = try await bench.pause(.kind(.drift))
            #expect(try await bench.begin(.job("d", .of("msp-9", .workplace))).claims.isEmpty)
        },
        Behaviour("a job joins the line if the decision is not to run it alone") { bench in
            let decisions: [@Sendable (QueuedJob) -> LaneDecision] = [
                { _ in LaneDecision(next: .wait(until: bench.time(60))) },
                { _ in LaneDecision(next: .again) },
                { LaneDecision(next: .run(order: $0.order, .work), raised: [$0.order: 3]) },
                { LaneDecision(next: .run(order: $0.order, .work), committed: $0.order) },
            ]
            for (number, decision) in decisions.enumerated() {
                let lane = Lane.of("msp-\(number)", .workplace)
                let taken = try await bench.begin(.job("a", lane)) { decision($0.jobs[0]) }
                #expect(taken.claims.isEmpty && taken.outcomes == [.accepted(order: taken.lastPlace)])
                let claim = try await bench.claimOne()
                #expect(claim.token.lane == lane && claim.job.attempts == 1)
            }
        },
        Behaviour("a repeated job, a refused one, and one for which overtakers count do not begin") { bench in
            let claim = try #require(try await bench.begin(.job("a")).claims.first)
            let again = try await bench.begin(.job("a"))
            #expect(again.outcomes == [.underWay] && again.claims.isEmpty)
            try await bench.finish(claim)
            let replay = try await bench.begin(.job("a"), bench.refusal("r", .two))
            #expect(replay.outcomes == [.replayed, .refused] && replay.claims.isEmpty)
            #expect(try await bench.begin(.job("late", .three, overtakersAfter: 0)).claims.isEmpty)
            #expect(try await bench.claim().jobs == ["late"])
        },
        Behaviour("a lane that may hold no job begins none") { bench in
            let rules = IntakeRules(laneLimit: 0, claims: bench.claims(free: 9), admit: { bench.refusing($0) }) { bench.conflict($0) }
            let taken = try await bench.store.accept([.job("a")], by: bench.worker, at: Bench.start, rules: rules)
            #expect(taken.claims.isEmpty && taken.outcomes == [.ended(.jobRejected)])
        },
    ]
}

extension Acceptance {
    fileprivate var jobs: [String] { claims.map(\.job.id.description) }
}

extension Bench {
    fileprivate func claims(
        free: Int,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision = { $0.inOrder(at: Bench.start) }
    ) -> ArrivalClaims {
        ArrivalClaims(request: ClaimRequest(worker: worker, limit: free), decide: decide)
    }

    /// Accepts items whose jobs may begin.
    fileprivate func begin(
        _ items: IntakeItem...,
        free: Int = 9,
        at now: Timestamp = Bench.start,
        decide: @escaping @Sendable (LaneSnapshot) -> LaneDecision = { $0.inOrder(at: Bench.start) }
    ) async throws -> Acceptance {
        let rules = IntakeRules(laneLimit: 99, claims: claims(free: free, decide: decide), admit: { _ in Admission() }) { conflict($0) }
        return try await store.accept(items, by: worker, at: now, rules: rules)
    }

    fileprivate func refusing(_ arrival: Arrival) -> Admission {
        let event = event(.jobRejected, lane: arrival.lane, job: arrival.job.id)
        return Admission(settlements: [LaneDecision.Settlement(order: arrival.job.order, event: event, code: .laneFull)])
    }
}
