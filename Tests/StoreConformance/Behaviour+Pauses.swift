import Contract
import Store
import Synchronization
import Testing

extension Behaviour {
    static let pauses: [Behaviour] = [
        Behaviour("a decision sees the pauses in force that concern its lane") { bench in
            try await bench.connect([.one], database: 5)
            let scopes: [PauseScope] = [
                .all, .kind(.sync), .tenant(Lane.one.tenant), .lane(.one), .database(5), .zone("webservices14"), .zone("zone 14"),
                .tenant(Lane.two.tenant), .lane(.of("msp-1", .fileProtection)), .database(6), .zone("webservices1"),
            ]
            for scope in scopes { _ = try await bench.pause(scope) }
            try await bench.accept(.job("a"), .job("b", .two))
            let seen = Mutex<[Lane: [PauseScope]]>([:])
            _ = try await bench.claim { snapshot in
                seen.withLock { $0[snapshot.lane] = snapshot.pauses.map(\.scope) }
                return LaneDecision(next: .wait(until: bench.time(60)))
            }
            #expect(seen.withLock { $0[.one] } == Array(scopes.prefix(7)))
            #expect(seen.withLock { $0[.two] } == [.all, .kind(.sync), .tenant(Lane.two.tenant)])
            #expect(try await bench.store.situation(of: .one, at: Bench.start)?.snapshot.pauses.map(\.scope) == Array(scopes.prefix(7)))
            #expect(try await bench.store.pauses(at: Bench.start).map(\.scope) == scopes)
            #expect(try await bench.store.pauses(at: bench.time(3600)).isEmpty)
        },
        Behaviour("a held job is reported, waits without being offered, and has its time back") { bench in
            try await bench.accept(.job("a"))
            let pause = try #require(try await bench.pause(.all))
            let held = try await bench.claim { bench.holding($0, pause) }
            #expect(held.claims.isEmpty && held.events.types == [.jobDeferred] && held.nextWake == pause.end && held.pauses == 1)
            #expect(try await bench.store.lane(.one)?.unfinished.first?.pausedBy == JobPause(id: pause.id, since: Bench.start))
            let found = try await bench.store.jobs(JobSelection(state: .paused), before: nil, limit: 9, looking: 9).jobs
            #expect(found.map(\.state) == [.paused(until: pause.end)] && found.map(\.code) == ["held"])
            #expect(try await bench.store.lanes().first?.heldUpBy == "held")
            #expect(try await bench.claim(at: bench.time(60)) { _ in preconditionFailure("it is not its time") }.claims.isEmpty)
            let job = try await bench.claimOne(at: pause.end).job
            #expect(job.pausedBy == nil && job.pausedFor == .seconds(3600) && job.attempts == 1 && job.lastDeferral?.code == .held)
            #expect(try await bench.store.pauses(at: Bench.start).isEmpty)
        },
        Behaviour("an operator ends a pause: what it held is due again") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            let pause = try #require(try await bench.pause(.tenant(Lane.one.tenant)))
            _ = try await bench.claim(limit: 1) { snapshot in
                snapshot.lane == .one ? bench.holding(snapshot, pause) : snapshot.inOrder(at: Bench.start)
            }
            #expect(try await bench.store.endPause(pause.id, by: .systemUser(9), at: bench.time(60)) == pause)
            #expect(try await bench.store.endPause(pause.id, by: .systemUser(9), at: bench.time(60)) == nil)
            let claim = try await bench.claimOne(at: bench.time(90))
            #expect(claim.job.id.description == "a" && claim.job.pausedFor == .seconds(90) && claim.dueSince == bench.time(90))
            let rows = try await bench.store.auditRows(AuditSelection(), newest: 9)
            let actions = rows.map(\.entry).filter { $0.action.hasPrefix("pause") }
            #expect(
                Set(actions.map(\.action)) == ["pause.begun", "pause.ended"]
                    && actions.allSatisfy { $0.actor == "user:9" && $0.tenant == "msp-1" }
            )
        },
        Behaviour("a pause that an operator ended is over for a worker whose clock is behind, too") { bench in
            try await bench.accept(.job("a"))
            let pause = try #require(try await bench.pause(.all))
            _ = try await bench.store.endPause(pause.id, by: .systemUser(9), at: bench.time(600))
            #expect(try await bench.store.pauses(at: Bench.start).isEmpty)
            _ = try await bench.claim(at: Bench.start) { snapshot in
                #expect(snapshot.pauses.isEmpty)
                return LaneDecision(next: .wait(until: nil))
            }
        },
        Behaviour("a pause whose time is over ends by itself, with a row in the audit log") { bench in
            _ = try await bench.pause(.kind(.sync))
            _ = try await bench.claim(at: bench.time(3600))
            let rows = try await bench.store.auditRows(AuditSelection(), newest: 9).map(\.entry)
            #expect(rows.contains { $0.action == "pause.ended" && $0.actor == "worker:\(bench.worker)" })
        },
        Behaviour("a pause replaces one of the same scope") { bench in
            try await bench.accept(.job("a"))
            let first = try #require(try await bench.pause(.all))
            _ = try await bench.claim { bench.holding($0, first) }
            let second = try #require(try await bench.pause(.all, until: bench.time(60)))
            #expect(try await bench.store.pauses(at: Bench.start) == [second])
            let claims = try await bench.claim(at: bench.time(1)) { snapshot in
                #expect(snapshot.pauses == [second] && snapshot.jobs.allSatisfy { $0.pausedBy == nil && $0.pausedFor == .seconds(1) })
                return bench.holding(snapshot, second)
            }
            #expect(claims.nextWake == second.end)
        },
        Behaviour("there are only so many pauses") { bench in
            for id in 0..<Int64(Pause.limit) { _ = try await bench.pause(.database(id)) }
            #expect(try await bench.pause(.all) == nil)
            #expect(try await bench.pause(.database(3)) != nil)
            #expect(try await bench.store.pauses(at: Bench.start).count == Pause.limit)
        },
        Behaviour("a claim releases a bounded number of lanes, and says that there are more") { bench in
            let lanes = (0..<Pause.lanesPerClaim + 6).map { Lane.of("msp-\($0)") }
            for lane in lanes { try await bench.accept(.job("a", lane)) }
            let pause = try #require(try await bench.pause(.all))
            while try await bench.claim(decide: { bench.holding($0, pause) }).hasMore {}
            #expect(
                try await bench.store.jobs(JobSelection(state: .paused), before: nil, limit: 999, looking: 999).jobs.count == lanes.count
            )
            _ = try await bench.store.endPause(pause.id, by: .systemUser(9), at: bench.time(1))
            let first = try await bench.claimDue(limit: 999, at: bench.time(2))
            #expect(first.claims.count == Pause.lanesPerClaim && first.hasMore)
            let second = try await bench.claimDue(limit: 999, at: bench.time(2))
            #expect(second.claims.count == 6 && !second.hasMore)
        },
        Behaviour("the journal says whether a pause holds the sync") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            _ = try await bench.pause(.kind(.verify))
            #expect(try await bench.store.journal([], under: claim.token, at: Bench.start) == nil)
            let pause = try #require(try await bench.pause(.tenant(Lane.one.tenant)))
            #expect(try await bench.store.journal([], under: claim.token, at: Bench.start) == .pause)
            try await bench.accept(.job("r", .one, .reset))
            #expect(try await bench.store.journal([], under: claim.token, at: Bench.start) == .reset)
            #expect(try await bench.store.journal([], under: claim.token, at: pause.end) == .reset)
        },
        Behaviour("waiting jobs are summed up by cause") { bench in
            try await bench.connect([.one, .two, .three], database: 5)
            try await bench.accept(.job("a"), .job("a2", .one, .verify), .job("b", .two), .job("c", .three), .job("d", .of("msp-4")))
            let claims = try await bench.claim(limit: 2).claims
            #expect(try await bench.waiting() == [.running: [2, 2], .behind: [1, 1], .databaseFull(5): [1, 1], .inLine: [1, 1]])
            try await bench.put(claims[0], off: 600, because: .rateLimited, at: Bench.start)
            try await bench.put(claims[1], off: 900, because: .network, at: Bench.start)
            let pause = try #require(try await bench.pause(.lane(.three)))
            _ = try await bench.claim(limit: 9) { $0.lane == .three ? bench.holding($0, pause) : LaneDecision(next: .wait(until: nil)) }
            let table = try await bench.store.waiting(at: Bench.start)
            #expect(
                try await bench.waiting() == [
                    .retry(.rateLimited, database: 5, zone: nil): [1, 1], .retry(.network, database: nil, zone: "webservices14"): [1, 1],
                    .paused(pause): [1, 1], .inLine: [2, 2],
                ]
            )
            let limited = table.groups.first { $0.cause == .retry(.rateLimited, database: 5, zone: nil) }
            #expect(limited?.next == bench.time(600) && limited?.last == bench.time(600) && limited?.oldest == Bench.start)
            #expect(table.groups.first?.cause == .inLine)
            #expect(try await bench.waiting(at: bench.time(60))[.noWorker] == [2, 2])
        },
        Behaviour("an operator ends a job's wait for its next attempt") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            try await bench.put(try #require(try await bench.claim(limit: 1).claims.first), off: 600, because: .timeout, at: Bench.start)
            let (a, b) = (JobID("a")!, JobID("b")!)
            #expect(try await bench.store.hasten(a, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(1)) == .done)
            #expect(try await bench.store.hasten(a, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(1)) == .due)
            #expect(try await bench.store.hasten(b, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(1)) == .unknown)
            #expect(try await bench.claimDue(limit: 1, at: bench.time(2)).jobs == ["b"])
            #expect(try await bench.store.hasten(b, of: Lane.two.tenant, by: .systemUser(9), at: bench.time(2)) == .running)
            let claim = try await bench.claimOne(at: bench.time(2))
            #expect(claim.job.id == a && claim.dueSince == bench.time(1))
            try await bench.finish(claim)
            #expect(try await bench.store.hasten(a, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(3)) == .ended)
            let rows = try await bench.store.auditRows(AuditSelection(), newest: 20).map(\.entry).filter { $0.action == "job.hastened" }
            #expect(rows.map(\.jobID) == ["a"] && rows[0].actor == "user:9" && rows[0].tenant == "msp-1")
        },
        Behaviour("a held job is not hastened, and can be given up") { bench in
            try await bench.accept(.job("a"))
            let pause = try #require(try await bench.pause(.all))
            _ = try await bench.claim { bench.holding($0, pause) }
            let a = JobID("a")!
            #expect(try await bench.store.hasten(a, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(1)) == .paused(pause.id))
            #expect(try await bench.store.giveUp(a, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(1)) == .done)
            #expect(try await bench.store.giveUp(a, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(1)) == .done)
            let seen = Mutex<[QueuedJob]>([])
            _ = try await bench.claim(at: bench.time(1)) { snapshot in
                seen.withLock { $0 = snapshot.jobs }
                return LaneDecision(next: .wait(until: nil))
            }
            #expect(seen.withLock { $0.map(\.isGivenUp) } == [true] && seen.withLock { $0.map(\.notBefore) } == [bench.time(1)])
            let rows = try await bench.store.auditRows(AuditSelection(), newest: 20).map(\.entry)
            #expect(rows.count { $0.action == "job.given-up" } == 1)
        },
        Behaviour("a held job expires in time, though another job of its lane ran meanwhile") { bench in
            try await bench.accept(.job("a", expiry: bench.time(100)), .job("b", .one, .diagnose))
            let pause = try #require(try await bench.pause(.all))
            let claim = try #require(
                try await bench.claim { snapshot in
                    var decision = bench.holding(snapshot, pause)
                    decision.holds.removeAll { $0.order != snapshot.jobs[0].order }
                    decision.next = .run(order: snapshot.jobs[1].order, .work)
                    return decision
                }.claims.first
            )
            try await bench.finish(claim, .connectionDiagnosed)
            #expect(try await bench.claim(at: bench.time(1)) { _ in preconditionFailure("it is not its time") }.nextWake == bench.time(100))
        },
        Behaviour("a sync with a write of unknown outcome is not hastened") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            _ = try await bench.store.journal([.of("license", .sent)], under: claim.token, at: Bench.start)
            try await bench.put(claim, off: 300, because: .outcomeUnknown, at: Bench.start)
            let outcome = try await bench.store.hasten(JobID("a")!, of: Lane.one.tenant, by: .systemUser(9), at: bench.time(1))
            #expect(outcome == .settling)
            #expect(try await bench.claim(at: bench.time(2)) { _ in preconditionFailure("it is not its time") }.nextWake == bench.time(300))
        },
        Behaviour("a job that ends under a pause is not released") { bench in
            try await bench.accept(.job("a"))
            let pause = try #require(try await bench.pause(.all))
            _ = try await bench.claim { bench.holding($0, pause) }
            try await bench.accept(.job("b"))
            _ = try await bench.claim { snapshot in
                let event = bench.event(.jobSuperseded, lane: snapshot.lane, job: snapshot.jobs[0].id)
                var decision = LaneDecision(
                    settlements: [.init(order: snapshot.jobs[0].order, event: event, code: .superseded)],
                    next: .wait(until: nil)
                )
                decision.holds = bench.holding(snapshot, pause).holds.filter { $0.order != snapshot.jobs[0].order }
                return decision
            }
            _ = try await bench.store.endPause(pause.id, by: .systemUser(9), at: bench.time(1))
            #expect(try await bench.claimDue(at: bench.time(2)).jobs == ["b"])
        },
    ]
}

extension Bench {
    /// Begins a pause of an hour.
    func pause(_ scope: PauseScope, until end: Timestamp? = nil) async throws -> Pause? {
        try await store.pause(PauseOrder(scope, because: "a test", until: end ?? time(3600)), by: .systemUser(9), at: Bench.start)
    }

    /// The numbers of jobs and lanes that wait, by cause.
    func waiting(at now: Timestamp = Bench.start) async throws -> [WaitingCause: [Int]] {
        let groups = try await store.waiting(at: now).groups
        return Dictionary(uniqueKeysWithValues: groups.map { ($0.cause, [$0.jobs, $0.lanes]) })
    }

    /// Holds all jobs that the pause does not hold yet.
    func holding(_ snapshot: LaneSnapshot, _ pause: Pause) -> LaneDecision {
        var decision = LaneDecision(next: .wait(until: pause.end))
        decision.holds = snapshot.jobs.filter { $0.pausedBy?.id != pause.id }.map { job in
            PauseHold(
                order: job.order,
                pause: pause.id,
                until: pause.end,
                event: event(.jobDeferred, lane: snapshot.lane, job: job.id),
                deferral: PublishedDeferral(code: .held, delay: .seconds(3600))
            )
        }
        return decision
    }
}
