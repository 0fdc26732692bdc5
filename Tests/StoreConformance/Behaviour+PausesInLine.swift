import Contract
import Store
import Synchronization
import Testing

extension Behaviour {
    /// A claim with the limit 0: pauses act on the lanes in line without a free slot.
    static let pausesInLine: [Behaviour] = [
        Behaviour("a call without a free slot holds jobs in line, and offers no lane that no pause concerns") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            let pause = try #require(try await bench.pause(.tenant(Lane.one.tenant)))
            let held = try await bench.claim(limit: 0) { snapshot in
                #expect(snapshot.lane == .one)
                return bench.holding(snapshot, pause)
            }
            #expect(held.claims.isEmpty && held.events.types == [.jobDeferred] && held.nextWake == pause.end && held.pauses == 1)
            #expect(!held.hasMore && held.last == nil)
            #expect(try await bench.store.lane(.one)?.unfinished.first?.pausedBy == JobPause(id: pause.id, since: Bench.start))
            #expect(try await bench.claimDue(at: bench.time(1)).jobs == ["b"])
        },
        Behaviour("without a pause in force, a call without a free slot offers nothing") { bench in
            try await bench.accept(.job("a"))
            _ = try await bench.pause(.all, until: bench.time(1))
            let result = try await bench.claim(limit: 0, at: bench.time(1)) { _ in preconditionFailure("no pause is in force") }
            #expect(result.claims.isEmpty && result.pauses == 0)
            #expect(try await bench.claimDue(at: bench.time(1)).jobs == ["a"])
        },
        Behaviour("a call without a free slot claims a lane to conclude a job, and no lane for work") { bench in
            try await bench.accept(.job("a", .one, .verify), .job("b", .two, .connect))
            _ = try await bench.pause(.kind(.verify))
            let result = try await bench.claim(limit: 0) { snapshot in
                let mode: RunMode = snapshot.lane == .one ? .conclude(JobError(.held)) : .work
                return LaneDecision(next: .run(order: snapshot.jobs[0].order, mode)).withoutWork
            }
            #expect(result.jobs == ["a"] && result.claims.first?.mode == .conclude(JobError(.held)))
            #expect(try await bench.claimDue(at: Bench.start).jobs == ["b"])
        },
        Behaviour("a lane keeps its place in line if one of its jobs is held and another could run") { bench in
            try await bench.accept(.job("a"), .job("b", .one, .diagnose), .job("c", .two))
            let pause = try #require(try await bench.pause(.all))
            let held = try await bench.claim(limit: 0) { snapshot in
                guard snapshot.lane == .one else { return LaneDecision(next: .keep) }
                var decision = bench.holding(snapshot, pause)
                decision.holds.removeAll { $0.order != snapshot.jobs[0].order }
                decision.next = .run(order: snapshot.jobs[1].order, .work)
                return decision.withoutWork
            }
            #expect(held.events.types == [.jobDeferred] && held.claims.isEmpty)
            let next = try await bench.claim(limit: 1) { $0.inOrder(at: Bench.start) }
            #expect(next.jobs == ["b"])
        },
        Behaviour("a job is held although the database of its lane is full") { bench in
            try await bench.connect([.one, .two, .three], database: 5)
            try await bench.accept(.job("a"), .job("b", .two), .job("c", .three))
            #expect(try await bench.claim(limit: 9).jobs == ["a", "b"])
            let pause = try #require(try await bench.pause(.database(5)))
            let held = try await bench.claim(limit: 0) { bench.holding($0, pause) }
            #expect(held.events.types == [.jobDeferred] && held.nextWake == pause.end)
            #expect(try await bench.store.lane(.three)?.unfinished.first?.pausedBy?.id == pause.id)
        },
        Behaviour("a call without a free slot changes a bounded number of lanes, and says where the next one goes on") { bench in
            let lanes = (0..<Pause.lanesPerClaim + 6).map { Lane.of("msp-\($0)") }
            for lane in lanes { try await bench.accept(.job("a", lane)) }
            let pause = try #require(try await bench.pause(.zone("elsewhere")))
            let all = try #require(try await bench.pause(.kind(.sync)))
            #expect(pause.id != all.id)
            let first = try await bench.claim(limit: 0) { bench.holding($0, all) }
            #expect(first.events.count == Pause.lanesPerClaim && first.hasMore && first.last != nil)
            let request = ClaimRequest(worker: bench.worker, limit: 0, after: first.last)
            let second = try await bench.store.claim(request, at: Bench.start) { bench.holding($0, all) }
            #expect(second.events.count == 6 && !second.hasMore && second.last == nil)
            // Those that can run keep their places behind which the next call goes on.
            for lane in lanes { try await bench.accept(.job("b", lane, .verify)) }
            let seen = Mutex<[Lane]>([])
            let third = try await bench.claim(limit: 0) { snapshot in
                seen.withLock { $0.append(snapshot.lane) }
                return LaneDecision(next: .keep)
            }
            #expect(seen.withLock { $0 } == lanes && third.last == nil && third.claims.isEmpty)
        },
        Behaviour("a call without a free slot releases what an ended pause held") { bench in
            try await bench.accept(.job("a"))
            let pause = try #require(try await bench.pause(.all))
            _ = try await bench.claim(limit: 0) { bench.holding($0, pause) }
            _ = try await bench.store.endPause(pause.id, by: .systemUser(9), at: bench.time(60))
            _ = try await bench.claim(limit: 0, at: bench.time(60)) { _ in preconditionFailure("no pause is in force") }
            #expect(try await bench.store.lane(.one)?.unfinished.map(\.pausedFor) == [.seconds(60)])
            #expect(try await bench.claimDue(at: bench.time(60)).jobs == ["a"])
        },
        Behaviour("held jobs count apart in the backlog, with a share of their own, until they are released or end") { bench in
            try await bench.connect([.three], database: 5)
            for id in 0..<6 { try await bench.accept(.job("a-\(id)")) }
            try await bench.accept(.job("b", .two), .job("c", .three))
            let pause = try #require(try await bench.pause(.tenant(Lane.one.tenant)))
            #expect(try await bench.store.backlog(perLane: 5) == Backlog(waiting: 5 + 2, held: 0))
            _ = try await bench.claim(limit: 0) { bench.holding($0, pause) }
            #expect(try await bench.store.backlog(perLane: 5) == Backlog(waiting: 2, held: 6))
            #expect(try await bench.store.backlog(perLane: 1) == Backlog(waiting: 2, held: Backlog.heldFactor))
            #expect(try await bench.store.backlog(perLane: .max) == Backlog(waiting: 2, held: 6))
            _ = try await bench.store.giveUp(JobID("a-0")!, of: Lane.one.tenant, by: .systemUser(9), at: Bench.start)
            #expect(try await bench.store.backlog(perLane: 9) == Backlog(waiting: 3, held: 5))
            _ = try await bench.store.endPause(pause.id, by: .systemUser(9), at: bench.time(1))
            _ = try await bench.claim(limit: 0, at: bench.time(1))
            #expect(try await bench.store.backlog(perLane: 9) == Backlog(waiting: 8, held: 0))
        },
        Behaviour("a held scheduled check is no part of the backlog") { bench in
            try await bench.connect([.one], database: 5)
            let round = CheckRound(checks: [.init(.verify, every: .seconds(100))], limit: 10) { 0 }
            #expect(try await bench.store.enterChecks(round, at: bench.time(100)) == 1)
            let pause = try #require(try await bench.pause(.all))
            _ = try await bench.claim(limit: 0, at: bench.time(100)) { bench.holding($0, pause) }
            #expect(try await bench.store.lane(.one)?.unfinished.map(\.pausedBy?.id) == [pause.id])
            #expect(try await bench.store.backlog(perLane: 9) == Backlog(waiting: 0, held: 0))
        },
        Behaviour("a renewal says whether the store has pauses") { bench in
            #expect(try await bench.store.renew(bench.worker, until: bench.time(15), at: Bench.start).hasPauses == false)
            _ = try await bench.pause(.all, until: bench.time(1))
            #expect(try await bench.store.renew(bench.worker, until: bench.time(15), at: Bench.start).hasPauses)
            _ = try await bench.claim(limit: 0, at: bench.time(1))
            #expect(try await bench.store.renew(bench.worker, until: bench.time(15), at: bench.time(1)).hasPauses == false)
        },
    ]
}
