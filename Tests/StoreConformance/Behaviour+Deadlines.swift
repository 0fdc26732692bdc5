import Contract
import Store
import Testing

/// Jobs for which a person waits end in time, wherever they are.
extension Behaviour {
    static let deadlines: [Behaviour] = [
        Behaviour("a job for which a person waits has a deadline from its first attempt on, and keeps it") { bench in
            try await bench.accept(.job("a", .one, .preview))
            #expect(try await bench.deadlines() == [nil])
            let first = try await bench.claimOne(at: bench.time(5))
            #expect(first.job.deadline == bench.time(65))
            try await bench.putOff(first, until: bench.time(20), at: bench.time(10))
            #expect(try await bench.deadlines() == [bench.time(65)])
            #expect(try await bench.claimOne(at: bench.time(20)).job.deadline == bench.time(65))
        },
        Behaviour(
            "a connect, a preview, billing codes, a verification, a drift and a diagnosis have deadlines; a sync and a reset have none"
        ) { bench in
            for (place, kind) in JobKind.allCases.enumerated() {
                let lane = Lane.of("kind-\(place)")
                try await bench.accept(.job("job", lane, kind))
                let claim = try await bench.claimOne(at: bench.time(1))
                #expect((claim.job.deadline == bench.time(61)) == (kind != .sync && kind != .reset))
            }
        },
        Behaviour("the worker that claims the job first sets the time to the deadline") { bench in
            try await bench.accept(.job("a", .one, .verify))
            let request = ClaimRequest(worker: bench.worker, limit: 1, interactiveTime: .seconds(5))
            let claim = try #require(try await bench.store.claim(request, at: Bench.start) { $0.inOrder(at: Bench.start) }.claims.first)
            #expect(claim.job.deadline == bench.time(5))
        },
        Behaviour("a job whose worker died keeps the deadline of its first attempt") { bench in
            try await bench.accept(.job("a", .one, .connect))
            #expect(try await bench.claimOne(at: bench.time(2)).job.deadline == bench.time(62))
            let heir = WorkerID("heir")
            _ = try await bench.store.join(heir, until: bench.time(50), at: bench.time(30))
            #expect(try await bench.claimOne(by: heir, at: bench.time(30)).job.deadline == bench.time(62))
        },
        Behaviour("a lane is offered when a deadline comes, although it waits for a later moment") { bench in
            try await bench.accept(.job("a", .one, .preview))
            try await bench.putOff(try await bench.claimOne(), until: bench.time(30))
            let waiting = try await bench.claim(at: bench.time(31)) { _ in LaneDecision(next: .wait(until: bench.time(900))) }
            #expect(waiting.claims.isEmpty && waiting.nextWake == bench.time(60))
            #expect(try await bench.claim(at: bench.time(59)) { _ in preconditionFailure("its time has not come") }.claims.isEmpty)
            let due = try await bench.claim(at: bench.time(60)) { $0.conclude }
            #expect(due.jobs == ["a"] && due.claims.first?.mode == LaneSnapshot.conclusion)
        },
        Behaviour("a job whose deadline has come is concluded although its database has no place, and takes none") { bench in
            try await bench.connect([.one, .two], database: 5)
            try await bench.accept(.job("b", .two, .preview))
            try await bench.putOff(try await bench.claimOne(), until: bench.time(1))
            try await bench.accept(.job("a"))
            #expect(try await bench.claim(perDatabase: 1).jobs == ["a"])
            #expect(try await bench.claim(perDatabase: 1, at: bench.time(59)) { $0.inOrder(at: bench.time(59)) }.claims.isEmpty)
            let due = try await bench.claim(perDatabase: 1, at: bench.time(60)) { $0.conclude }
            #expect(due.jobs == ["b"])
            // Only a conclusion may proceed without a place.
            try await bench.finish(try #require(due.claims.first), .syncFailed)
            try await bench.accept(.job("c", .two))
            #expect(try await bench.claim(perDatabase: 1, at: bench.time(61)) { $0.inOrder(at: bench.time(61)) }.claims.isEmpty)
        },
        Behaviour("overdue lanes that have nothing to run take no place from one that has, and their jobs end with it") { bench in
            let lanes = (0..<70).map { Lane.of("idle-\($0)") } + [.one, .two]
            for (index, lane) in lanes.enumerated() { try await bench.accept(.job("job-\(index)", lane, .preview)) }
            for claim in try await bench.claim().claims { try await bench.putOff(claim, until: bench.time(30)) }
            _ = try await bench.claim(at: bench.time(31)) { _ in LaneDecision(next: .wait(until: bench.time(900))) }
            let due = try await bench.claim(limit: 1, at: bench.time(60)) { snapshot in
                guard snapshot.lane != .one else { return snapshot.conclude }
                let idle = LaneDecision(next: .wait(until: bench.time(900)))
                guard snapshot.lane == .of("idle-3") else { return idle }
                let job = snapshot.jobs[0]
                let event = bench.event(.jobExpired, lane: snapshot.lane, job: job.id)
                return LaneDecision(settlements: [.init(order: job.order, event: event, code: .superseded)], next: .wait(until: nil))
            }
            #expect(due.lanes == [.one] && due.events.types == [.jobExpired])
        },
        Behaviour("a job whose deadline has come does not run while its database has no place") { bench in
            try await bench.connect([.one, .two], database: 5)
            try await bench.accept(.job("b", .two, .preview))
            try await bench.putOff(try await bench.claimOne(), until: bench.time(1))
            try await bench.accept(.job("a"))
            #expect(try await bench.claim(perDatabase: 1).jobs == ["a"])
            #expect(try await bench.claim(perDatabase: 1, at: bench.time(60)) { $0.inOrder(at: bench.time(60)) }.claims.isEmpty)
        },
        Behaviour("time in which another job of the lane runs does not count, as far as the job was due") { bench in
            try await bench.accept(.job("a", .one, .preview))
            try await bench.putOff(try await bench.claimOne(), until: bench.time(10))
            try await bench.accept(.job("b", .one, .connect))
            let other = try #require(
                try await bench.claim(at: bench.time(4)) { LaneDecision(next: .run(order: $0.jobs[1].order, .work)) }.claims.first
            )
            try await bench.finish(other, .connectionFailed, at: bench.time(40))
            #expect(try await bench.deadlines() == [bench.time(90)])
        },
        Behaviour("time in which another job of the lane ran and its worker died does not count either") { bench in
            try await bench.accept(.job("a", .one, .preview))
            try await bench.putOff(try await bench.claimOne(), until: bench.time(1))
            try await bench.accept(.job("b"))
            _ = try await bench.claim(at: bench.time(4)) { LaneDecision(next: .run(order: $0.jobs[1].order, .work)) }
            _ = try await bench.store.join(WorkerID("heir"), until: bench.time(50), at: bench.time(24))
            #expect(try await bench.deadlines() == [bench.time(80), nil])
        },
        Behaviour("the last deferral is remembered, and an unpublished one does not change it") { bench in
            try await bench.accept(.job("a"))
            let first = try await bench.claimOne()
            try await bench.putOff(first, until: bench.time(2), because: .internal, counts: false)
            let told = PublishedDeferral(code: .internal, delay: .seconds(2))
            let second = try await bench.claimOne(at: bench.time(2))
            #expect(second.job.lastDeferral == told && second.job.heldUp == 1)
            let silent = Completion(.deferred(until: bench.time(8), because: JobError(.internal), counts: false), events: [])
            _ = try await bench.store.complete(second.token, with: silent, at: bench.time(2))
            let third = try await bench.claimOne(at: bench.time(8))
            #expect(third.job.lastDeferral == told && third.job.heldUp == 2 && third.job.attempts == 1)
        },
        Behaviour("calls of an integration fail until an attempt says otherwise, also while that attempt runs") { bench in
            try await bench.accept(.job("a"))
            let first = try await bench.claimOne()
            #expect(try await bench.store.lanes().first?.heldUpBy == nil)
            try await bench.putOff(first, until: bench.time(2), because: .autotaskUnavailable, counts: false)
            #expect(try await bench.store.lanes().first?.heldUpBy == "autotask_unavailable")
            let second = try await bench.claimOne(at: bench.time(2))
            #expect(try await bench.store.lanes().first?.heldUpBy == "autotask_unavailable")
            try await bench.putOff(second, until: bench.time(4), because: .network)
            #expect(try await bench.store.lanes().first?.heldUpBy == "network")
            let third = try await bench.claimOne(at: bench.time(4))
            #expect(try await bench.store.lanes().first?.heldUpBy == "network")
            try await bench.finish(third, at: bench.time(4))
            #expect(try await bench.store.lanes().first?.heldUpBy == nil)
        },
        Behaviour("a counted failure shows during the next attempt, and the first attempt after a pause shows none") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            let pause = try #require(try await bench.pause(.tenant(Lane.two.tenant)))
            let claims = try await bench.claim(limit: 2) { snapshot in
                snapshot.lane == .two ? bench.holding(snapshot, pause) : snapshot.inOrder(at: Bench.start)
            }.claims
            try await bench.putOff(try #require(claims.first), until: bench.time(2), because: .network)
            #expect(try await bench.store.lanes().map(\.heldUpBy) == ["network", "held"])
            _ = try await bench.store.endPause(pause.id, by: .systemUser(9), at: bench.time(2))
            #expect(try await bench.claimDue(limit: 2, at: bench.time(2)).claims.count == 2)
            #expect(try await bench.store.lanes().map(\.heldUpBy) == ["network", nil])
        },
        Behaviour("a job that is held up as before gets no further row in the audit log") { bench in
            try await bench.accept(.job("a"))
            try await bench.putOff(try await bench.claimOne(), until: bench.time(1), because: .internal, counts: false)
            let count = try await bench.store.auditPage(after: 0, limit: 100).rows.count
            for second in 1..<5 {
                let silent = Completion(.deferred(until: bench.time(second + 1), because: JobError(.internal), counts: false), events: [])
                _ = try await bench.store.complete(
                    try await bench.claimOne(at: bench.time(second)).token,
                    with: silent,
                    at: bench.time(second)
                )
            }
            #expect(try await bench.store.auditPage(after: 0, limit: 100).rows.count == count)
            try await bench.finish(try await bench.claimOne(at: bench.time(5)), at: bench.time(5))
            #expect(try await bench.store.auditPage(after: 0, limit: 100).rows.count == count + 1)
        },
    ]
}

extension Bench {
    /// The deadlines of a lane's unfinished jobs, in order.
    fileprivate func deadlines(_ lane: Lane = .one) async throws -> [Timestamp?] {
        try await store.lane(lane)?.unfinished.map(\.deadline) ?? []
    }

    fileprivate func putOff(
        _ claim: LaneClaim,
        until: Timestamp,
        because code: ErrorCode = .autotaskUnavailable,
        counts: Bool = true,
        at now: Timestamp = Bench.start
    ) async throws {
        let deferral = Completion(
            .deferred(until: until, because: JobError(code), counts: counts),
            events: [event(.jobDeferred, for: claim)],
            at: now
        )
        _ = try await store.complete(claim.token, with: deferral, at: now)
    }
}

extension LaneSnapshot {
    fileprivate static let conclusion = RunMode.conclude(JobError(.timeout))

    /// Concludes the first job.
    fileprivate var conclude: LaneDecision { LaneDecision(next: .run(order: jobs[0].order, LaneSnapshot.conclusion)) }
}
