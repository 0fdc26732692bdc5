import Contract
import Store
import Testing

extension Behaviour {
    static let claims: [Behaviour] = [
        Behaviour("a claim takes as many lanes as there is room for, one job of each") { bench in
            try await bench.accept(.job("a"), .job("a2"), .job("b", .two), .job("c", .three))
            let first = try await bench.claim(limit: 2)
            #expect(first.jobs == ["a", "b"])
            #expect(try await bench.claim().jobs == ["c"])
            #expect(try await bench.claim().claims.isEmpty)
        },
        Behaviour("the decision sees the unfinished jobs in order, and the revisions that ran") { bench in
            try await bench.run("old", changes: LaneChanges(ranRevision: (planID: "plan-1", revision: 4)))
            try await bench.accept(.job("a", plan: "plan-1", revision: 3), .job("b", .one, .reset), .job("other", .two))
            let seen = Seen()
            _ = try await bench.claim(limit: 1) { snapshot in
                if snapshot.lane == .one { seen.snapshot = snapshot }
                return LaneDecision(next: .wait(until: nil))
            }
            let snapshot = try #require(seen.snapshot)
            #expect(snapshot.jobs.map(\.id.description) == ["a", "b"])
            #expect(snapshot.jobs.map(\.kind) == [.sync, .reset])
            #expect(snapshot.revisions == ["plan-1": 4])
        },
        Behaviour("an attempt is counted before the work, and the decision is carried out with it") { bench in
            try await bench.accept(.job("a"))
            #expect(try await bench.store.lane(.one)?.unfinished.first?.attempts == 0)
            let claim = try await bench.claimOne()
            #expect(claim.job.attempts == 1)
            #expect(try await bench.store.lane(.one)?.unfinished.first?.attempts == 1)
            #expect(claim.mode == .work)
        },
        Behaviour("a job may be claimed for its conclusion") { bench in
            try await bench.accept(.job("a"), .job("b"))
            let mode = RunMode.conclude(JobError(.superseded))
            let result = try await bench.claim { LaneDecision(next: .run(order: $0.jobs[1].order, mode)) }
            #expect(result.jobs == ["b"] && result.claims.first?.mode == mode)
        },
        Behaviour("settled jobs end with their events, and do not run") { bench in
            try await bench.accept(.job("a"), .job("b"), .job("c"))
            let result = try await bench.claim { snapshot in
                LaneDecision(
                    settlements: snapshot.jobs.dropLast().map { job in
                        .init(
                            order: job.order,
                            event: bench.event(.jobSuperseded, lane: snapshot.lane, job: job.id),
                            code: .superseded
                        )
                    },
                    next: .run(order: snapshot.jobs[2].order, .work)
                )
            }
            #expect(result.jobs == ["c"])
            #expect(result.events.types == [.jobSuperseded, .jobSuperseded])
            #expect(result.events.sequences == [1, 2])
            #expect(try await bench.unfinished() == ["c"])
            #expect(try await bench.accept(.job("a")).events.map(\.event) == [result.events[0].event])
            #expect(try await bench.unpublished().prefix(2).map(\.event) == result.events.map(\.event))
        },
        Behaviour("a lane whose last job was settled is not offered again") { bench in
            try await bench.accept(.job("a"))
            let result = try await bench.claim { snapshot in
                let event = bench.event(.jobExpired, lane: snapshot.lane, job: snapshot.jobs[0].id)
                return LaneDecision(
                    settlements: [.init(order: snapshot.jobs[0].order, event: event, code: .superseded)],
                    next: .wait(until: nil)
                )
            }
            #expect(result.claims.isEmpty && result.events.types == [.jobExpired] && result.nextWake == nil)
            #expect(try await bench.claim { _ in preconditionFailure("nothing is there to decide") }.claims.isEmpty)
        },
        Behaviour("a waiting lane is not offered before its time") { bench in
            try await bench.accept(.job("a"))
            let waiting = try await bench.claim { _ in LaneDecision(next: .wait(until: bench.time(10))) }
            #expect(waiting.claims.isEmpty && waiting.nextWake == bench.time(10))
            let early = try await bench.claim(at: bench.time(9)) { _ in preconditionFailure("it is not its time") }
            #expect(early.nextWake == bench.time(10))
            #expect(try await bench.claimDue(at: bench.time(10)).jobs == ["a"])
        },
        Behaviour("a lane that waits for a new job is offered when one is accepted") { bench in
            try await bench.accept(.job("a"))
            let waiting = try await bench.claim { _ in LaneDecision(next: .wait(until: nil)) }
            #expect(waiting.nextWake == nil)
            #expect(try await bench.claim(at: bench.time(1000)) { _ in preconditionFailure("nothing is new") }.claims.isEmpty)
            try await bench.accept(.job("b"), at: bench.time(1000))
            #expect(try await bench.claimDue(at: bench.time(1000)).jobs == ["a"])
        },
        Behaviour("the next wake is the earliest of all free lanes") { bench in
            try await bench.accept(.job("a"), .job("b", .two), .job("c", .three))
            let result = try await bench.claim { snapshot in
                switch snapshot.lane {
                case .one: LaneDecision(next: .wait(until: bench.time(30)))
                case .two: LaneDecision(next: .wait(until: bench.time(20)))
                default: snapshot.inOrder(at: Bench.start)
                }
            }
            #expect(result.jobs == ["c"] && result.nextWake == bench.time(20))
        },
        Behaviour("a claim hands over the remembered state of the lane") { bench in
            let connection = ConnectionRecord.of(database: 5)
            try await bench.run("c", .one, .connect, changes: LaneChanges(connection: .set(connection), becomesEligible: true))
            try await bench.accept(.job("a"))
            let state = try await bench.claimOne().state
            #expect(state.connection == connection && state.isEligible && !state.isEnabled && state.epoch == 1)
        },
        Behaviour("a claim hands over the services and unresolved writes of its own plan, and a summary of others") { bench in
            let writes = [JournalEntry.of("storage", .sent), JournalEntry.of("server", .sent, plan: "plan-2", at: bench.time(7))]
            let changes = LaneChanges(bindings: [.of("license"), .of("license", id: 77, plan: "plan-2")], journal: writes)
            try await bench.run("sync", changes: changes)
            try await bench.accept(.job("a", plan: "plan-1"))
            let state = try await bench.claimOne().state
            #expect(state.bindings == [.of("license")] && state.openWrites == [writes[0]])
            #expect(state.hasBindings && state.hasOpenWrites && state.lastSentWrite == bench.time(7))
        },
        Behaviour("a job without a plan gets no plan's services") { bench in
            try await bench.run("sync", changes: LaneChanges(bindings: [.of("license")]))
            try await bench.accept(.job("a", .one, .connect))
            let state = try await bench.claimOne().state
            #expect(state.bindings.isEmpty && state.openWrites.isEmpty && state.hasBindings && !state.hasOpenWrites)
            #expect(state.lastSentWrite == nil)
        },
        Behaviour("a worker that never joined cannot claim or accept") { bench in
            let stranger = WorkerID("stranger")
            try await bench.accept(.job("a"))
            await bench.expectFenced("claim") { _ = try await bench.claim(by: stranger) }
            await bench.expectFenced("accept") { _ = try await bench.accept(.job("b"), by: stranger) }
            #expect(try await bench.unfinished() == ["a"])
        },
    ]

    static let fairness: [Behaviour] = [
        Behaviour("lanes take turns: a served lane goes to the end of the line") { bench in
            try await bench.accept(.job("a1"), .job("a2"), .job("b1", .two), .job("b2", .two), .job("c1", .three))
            var served: [String] = []
            for _ in 0..<5 {
                let claim = try await bench.claimOne()
                served.append(claim.job.id.description)
                try await bench.finish(claim)
            }
            #expect(served == ["a1", "b1", "c1", "a2", "b2"])
        },
        Behaviour("lanes with a reset or a connect come first") { bench in
            try await bench.accept(.job("a"), .job("b", .two), .job("b2", .two, .connect), .job("c", .three, .billingCodes))
            try await bench.accept(.job("d", .of("msp-4"), .reset))
            let result = try await bench.claim()
            #expect(result.lanes == [.two, .of("msp-4"), .one, .three])
        },
        Behaviour("a lane loses its priority when its reset has ended") { bench in
            try await bench.accept(.job("a", .one, .reset), .job("a2"), .job("b", .two))
            try await bench.finish(try await bench.claimOne(), .integrationReset)
            #expect(try await bench.claim().lanes == [.two, .one])
        },
        Behaviour("a lane that waited for a moment lines up when it has come") { bench in
            try await bench.accept(.job("a"))
            _ = try await bench.claim { _ in LaneDecision(next: .wait(until: bench.time(10))) }
            try await bench.accept(.job("b", .two), at: bench.time(5))
            #expect(try await bench.claimDue(at: bench.time(10)).lanes == [.two, .one])
        },
    ]

    static let databases: [Behaviour] = [
        Behaviour("no more lanes of one Autotask database are held than allowed") { bench in
            try await bench.connect([.one, .two, .three], database: 5)
            try await bench.accept(.job("a"), .job("b", .two), .job("c", .three))
            let result = try await bench.claim()
            #expect(result.jobs == ["a", "b"])
            #expect(try await bench.claim().claims.isEmpty)
            try await bench.finish(result.claims[0])
            #expect(try await bench.claim().jobs == ["c"])
        },
        Behaviour("the limit counts the lanes of every worker") { bench in
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(15), at: Bench.start)
            try await bench.connect([.one, .two], database: 5)
            try await bench.accept(.job("a"), .job("b", .two))
            #expect(try await bench.claim(perDatabase: 1).jobs == ["a"])
            #expect(try await bench.claim(by: other, perDatabase: 1).claims.isEmpty)
        },
        Behaviour("lanes of a database know each other's bindings") { bench in
            try await bench.connect([.one, .two], database: 5)
            try await bench.connect([.three], database: 6)
            try await bench.run("a", .one, changes: LaneChanges(bindings: [.of("x", id: 7), .of("y", id: nil, status: .error)]))
            try await bench.run("b", .two, changes: LaneChanges(bindings: [.of("x", id: 8)]))
            try await bench.run("c", .three, changes: LaneChanges(bindings: [.of("x", id: 9)]))
            func linked(_ lane: Lane, _ database: Int64) async throws -> Set<Int64> {
                try await bench.store.linkedServices([7, 8, 9, 10], in: database, besides: lane)
            }
            #expect(try await linked(.one, 5) == [8])
            #expect(try await linked(.two, 5) == [7])
            #expect(try await linked(.three, 5) == [7, 8])
            #expect(try await linked(.three, 6) == [])
            #expect(try await bench.store.linkedServices(nil, in: 5, besides: .three) == [7, 8])
        },
        Behaviour("if two lanes want one service at once, one gets it, and neither gets only part of its services") { bench in
            try await bench.connect([.one, .two], database: 5)
            try await bench.connect([.three], database: 6)
            try await bench.accept(.job("a"), .job("b", .two), .job("c", .three))
            let claims = try await bench.claim().claims
            func link(_ claim: LaneClaim, _ ids: Int64..., database: Int64 = 5) async throws -> LinkOutcome {
                let entries = ids.map { JournalEntry.of("key-\($0)", .intended, operation: .update, id: $0) }
                return try await bench.store.link(entries, in: database, under: claim.token, at: Bench.start)
            }
            #expect(try await link(claims[0], 7) == .linked(unsettledSince: nil))
            #expect(try await link(claims[1], 7, 8) == .taken([7]))
            #expect(try await link(claims[2], 7, database: 6) == .linked(unsettledSince: nil))
            #expect(try await link(claims[0], 7, 8) == .linked(unsettledSince: nil))
            try await bench.finish(
                claims[0],
                changes: LaneChanges(bindings: [.of("key-7", id: 7)], journal: [.of("key-7", .verified), .of("key-8", .verified)])
            )
            #expect(try await link(claims[1], 7) == .taken([7]))
            #expect(try await link(claims[1], 8) == .linked(unsettledSince: nil))
            try await bench.finish(claims[1])
            await bench.expectFenced("link") { _ = try await link(claims[1], 9) }
        },
        Behaviour("a lane that binds a service learns of unresolved writes that another lane has forgotten") { bench in
            try await bench.connect([.one, .two], database: 5)
            try await bench.run("a", changes: LaneChanges(journal: [.of("key", .sent, operation: .update, id: 7)]))
            try await bench.run("b", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            func link(for job: IntakeItem) async throws -> LinkOutcome {
                try await bench.accept(job)
                let claim = try await bench.claimOne()
                let entry = JournalEntry.of("other", .intended, operation: .update, id: 7)
                let outcome = try await bench.store.link([entry], in: 5, under: claim.token, at: Bench.start)
                try await bench.finish(claim, changes: LaneChanges(journal: [.of("other", .verified)]))
                return outcome
            }
            #expect(try await link(for: .job("c", .two)) == .linked(unsettledSince: Bench.start))
            // It knows its own from its state.
            #expect(try await link(for: .job("d")) == .linked(unsettledSince: nil))
        },
        Behaviour("a planned, unsent write ends with its sync, and another plan may adopt the service") { bench in
            try await bench.connect([.one], database: 5)
            func link(_ claim: LaneClaim, plan: String) async throws -> LinkOutcome {
                let entry = JournalEntry.of("key", .intended, operation: .update, id: 7, plan: plan)
                return try await bench.store.link([entry], in: 5, under: claim.token, at: Bench.start)
            }
            // Its attempts are spent.
            try await bench.accept(.job("a", plan: "plan-1"))
            let spent = try await bench.claimOne()
            #expect(try await link(spent, plan: "plan-1") == .linked(unsettledSince: nil))
            _ = try await bench.store.journal([.of("sent", .sent, id: 8)], under: spent.token, at: Bench.start)
            try await bench.finish(spent, .syncFailed, givenUp: GivenUp(.attemptsSpent, JobError(.autotaskUnavailable)))
            #expect(try await bench.state().openWrites == [.of("sent", .sent, id: 8)])
            // Its workers died during it.
            try await bench.accept(.job("b", plan: "plan-2"))
            let lost = try await bench.claimOne()
            #expect(try await link(lost, plan: "plan-2") == .linked(unsettledSince: nil))
            let heir = WorkerID("heir")
            _ = try await bench.store.join(heir, until: bench.time(60), at: bench.time(30))
            _ = try await bench.claim(by: heir, at: bench.time(30)) { snapshot in
                let job = snapshot.jobs[0]
                let event = bench.event(.jobAbandoned, lane: .one, job: job.id)
                let end = LaneDecision.Settlement(
                    order: job.order,
                    event: event,
                    code: .poison,
                    givenUp: GivenUp(.interrupted, JobError(.poison))
                )
                return LaneDecision(settlements: [end], next: .wait(until: nil))
            }
            try await bench.accept(.job("c", plan: "plan-3"), by: heir, at: bench.time(30))
            let last = try await bench.claimOne(by: heir, at: bench.time(30))
            #expect(try await link(last, plan: "plan-3") == .linked(unsettledSince: nil))
            // The end of a preview keeps the writes of a sync of the same plan.
            try await bench.accept(.job("p", .one, .preview, plan: "plan-3"), by: heir, at: bench.time(30))
            let deferral = Completion(.deferred(until: bench.time(90)), events: [bench.event(.jobDeferred, for: last)])
            _ = try await bench.store.complete(last.token, with: deferral, at: bench.time(30))
            try await bench.finish(try await bench.claimOne(by: heir, at: bench.time(31)), .syncPreviewed, at: bench.time(31))
            // So does the end of another sync of the plan.
            try await bench.accept(.job("d", plan: "plan-3"), by: heir, at: bench.time(32))
            let ended = try await bench.claim(by: heir, at: bench.time(32)) { snapshot in
                let event = bench.event(.jobSuperseded, lane: .one, job: snapshot.jobs[1].id)
                return LaneDecision(
                    settlements: [.init(order: snapshot.jobs[1].order, event: event, code: .superseded)],
                    next: .wait(until: bench.time(90))
                )
            }
            #expect(ended.events.types == [.jobSuperseded])
            #expect(try await bench.state().openWrites.map(\.planID) == ["plan-1", "plan-3"])
        },
        Behaviour("the name of a sent create is kept with the write, and forgotten with it") { bench in
            var sent = JournalEntry.of("license", .sent)
            sent.name = "Ｌicense ß"
            try await bench.run("a", changes: LaneChanges(journal: [sent]))
            #expect(try await bench.state().openWrites == [sent])
            try await bench.run("b", changes: LaneChanges(journal: [.of("license", .confirmed, id: 3)]))
            #expect(try await bench.state().openWrites.map(\.name) == [nil])
        },
        Behaviour("the values that a write sent are kept with it, and forgotten with it") { bench in
            var sent = JournalEntry.of("license", .sent, operation: .update, id: 3)
            sent.written = Array(#"[{"name":"License"}]"#.utf8)
            try await bench.run("a", changes: LaneChanges(journal: [sent]))
            #expect(try await bench.state().openWrites == [sent])
            try await bench.run("b", changes: LaneChanges(journal: [.of("license", .verified)]))
            #expect(try await bench.state().openWrites.isEmpty)
        },
        Behaviour("the bound services of all plans are read in pages, without those that have an unresolved write") { bench in
            let bindings = (1...5).map { ServiceBinding.of("s\($0)", id: Int64($0), plan: $0 < 3 ? "a" : "b") }
            let changes = LaneChanges(
                bindings: bindings + [.of("open", id: 9, plan: "b"), .of("none", id: nil, status: .error, plan: "b")],
                journal: [.of("open", .confirmed, id: 9, plan: "b")]
            )
            try await bench.run("sync", changes: changes)
            try await bench.run("other", .two, changes: LaneChanges(bindings: [.of("x", id: 1, plan: "a")]))
            var pages: [[ServiceBinding]] = []
            repeat {
                let last = pages.last?.last?.key
                pages.append(try await bench.store.boundServices(of: .one, after: last, limit: 2))
            } while pages.last?.count == 2
            #expect(pages.map(\.count) == [2, 2, 1] && Array(pages.joined()) == bindings)
            #expect(try await bench.store.boundServices(of: .three, after: nil, limit: 2).isEmpty)
        },
        Behaviour("every binding of a lane's plans is found by the service in Autotask") { bench in
            let bindings = [
                ServiceBinding.of("x", id: 7, plan: "a"), .of("x", id: 8, plan: "b"), .of("y", id: nil, status: .error, plan: "b"),
            ]
            try await bench.run("sync", changes: LaneChanges(bindings: bindings))
            try await bench.run("other", .two, changes: LaneChanges(bindings: [.of("z", id: 9, plan: "a")]))
            #expect(try await bench.store.bindings(to: [7, 8, 9, 10], in: .one) == Array(bindings.prefix(2)))
            #expect(try await bench.store.bindings(to: [7], in: .two).isEmpty)
            #expect(try await bench.store.bindings(to: [], in: .one).isEmpty)
        },
        Behaviour("a full database does not keep other lanes waiting") { bench in
            try await bench.connect([.one, .two], database: 5)
            try await bench.accept(.job("a"), .job("b", .two), .job("c", .three))
            #expect(try await bench.claim(perDatabase: 1).jobs == ["a", "c"])
        },
        Behaviour("a connect takes a place at the database that it found, if there is one") { bench in
            try await bench.connect([.one], database: 5)
            try await bench.accept(.job("b", .two, .connect), .job("c", .three, .connect), .job("a"))
            let claims = try await bench.claim().claims
            let (two, three) = (claims[0], claims[1])
            #expect(try await bench.store.occupy(database: 5, under: two.token, limit: 2, at: Bench.start))
            #expect(try await bench.store.occupy(database: 5, under: two.token, limit: 2, at: Bench.start))
            #expect(try await !bench.store.occupy(database: 5, under: three.token, limit: 2, at: Bench.start))
            #expect(try await bench.store.occupy(database: 6, under: three.token, limit: 2, at: Bench.start))
        },
        Behaviour("a job that was put back because no place was free is claimed again when there is one") { bench in
            try await bench.connect([.one], database: 5)
            try await bench.accept(.job("a"))
            let running = try await bench.claimOne()
            try await bench.accept(.job("b", .two, .connect))
            let connect = try await bench.claimOne()
            #expect(try await !bench.store.occupy(database: 5, under: connect.token, limit: 1, at: Bench.start))
            _ = try await bench.store.complete(connect.token, with: Completion(.postponed, events: []), at: Bench.start)
            #expect(try await bench.claim(perDatabase: 1).claims.isEmpty)

            try await bench.finish(running)
            let again = try #require(try await bench.claim(perDatabase: 1).claims.first)
            #expect(again.job.id == JobID("b") && again.job.attempts == 1)
            #expect(try await bench.store.occupy(database: 5, under: again.token, limit: 1, at: Bench.start))
        },
        Behaviour("a place is returned when the claim ends") { bench in
            try await bench.accept(.job("a", .one, .connect))
            let claim = try await bench.claimOne()
            #expect(try await bench.store.occupy(database: 5, under: claim.token, limit: 1, at: Bench.start))
            try await bench.finish(claim, .connectionFailed)
            try await bench.accept(.job("b", .two, .connect))
            #expect(try await bench.store.occupy(database: 5, under: try await bench.claimOne().token, limit: 1, at: Bench.start))
        },
    ]

    static let suspects: [Behaviour] = [
        Behaviour("a job that was interrupted twice runs alone among such jobs, and does not delay others") { bench in
            try await bench.interrupt([.job("a"), .job("b", .two)], times: 2)
            let heir = WorkerID("heir-2")
            try await bench.accept(.job("c", .three), by: heir)
            let result = try await bench.claimDue(by: heir, at: bench.time(200))
            #expect(result.claims.map(\.job.interruptions) == [2, 0] && result.jobs.contains("c"))
            #expect(try await bench.claimDue(by: heir, at: bench.time(200)).claims.isEmpty)
            try await bench.finish(result.claims[0], at: bench.time(200))
            #expect(try await bench.claimDue(by: heir, at: bench.time(200)).claims.map(\.job.interruptions) == [2])
        },
        Behaviour("jobs that were interrupted once run at the same time") { bench in
            try await bench.interrupt([.job("a"), .job("b", .two)], times: 1)
            let result = try await bench.claimDue(by: WorkerID("heir-1"), at: bench.time(100))
            #expect(result.jobs == ["a", "b"])
        },
    ]
}

/// The arguments of a pure function.
private final class Seen: @unchecked Sendable {
    // Unchecked: set by one call that has returned before it is read.
    var snapshot: LaneSnapshot?
}

extension Bench {
    func connect(_ lanes: [Lane], database: Int64) async throws {
        for lane in lanes {
            let connection = ConnectionRecord.of(database: database)
            try await run("connect", lane, .connect, ending: .connectionEstablished, changes: LaneChanges(connection: .set(connection)))
        }
    }

    /// Accepts jobs, and lets workers die during them. The last to take over is `heir-<times>`, whose lease lasts.
    fileprivate func interrupt(_ items: [IntakeItem], times: Int) async throws {
        _ = try await store.accept(items, by: worker, at: Bench.start) { conflict($0) }
        var holder = worker
        for round in 1...times {
            // Suspects must die one after the other.
            while try await !claimDue(by: holder, at: time(100 * round - 50)).claims.isEmpty {}
            let heir = WorkerID("heir-\(round)")
            _ = try await store.join(heir, until: time(100 * round + 60), at: time(100 * round))
            holder = heir
        }
    }
}

extension ConnectionRecord {
    static func of(database: Int64, username: String = "ap…@demo.example") -> ConnectionRecord {
        ConnectionRecord(
            status: .connected,
            zone: Zone(name: "Zone 14", apiURL: "https://webservices14.autotask.net/atservicesrest/", webURL: "https://ww14.autotask.net/"),
            databaseID: database,
            username: username,
            wrappedKey: [1, 2, 3],
            sealedCredentials: [4, 5, 6],
            credentialsDigest: [7, 8, 9],
            capabilities: Capabilities(canQueryServices: true, canCreateServices: true, canUpdateServices: false, costVisible: nil),
            serviceFields: Array(#"{"fields":[]}"#.utf8),
            establishedAt: Bench.start
        )
    }
}
