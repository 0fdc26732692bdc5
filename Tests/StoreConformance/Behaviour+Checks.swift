import Contract
import Store
import Synchronization
import Testing

extension Behaviour {
    static let checks: [Behaviour] = [
        Behaviour("a connected lane is first checked within the interval, and then once an interval") { bench in
            try await bench.connect()
            let round = CheckRound.verify(chance: 0.5)
            #expect(try await bench.store.enterChecks(round, at: bench.time(0)) == 0)
            #expect(try await bench.store.enterChecks(round, at: bench.time(49)) == 0)
            #expect(try await bench.store.enterChecks(round, at: bench.time(50)) == 1)
            try await bench.finishCheck(at: bench.time(51))
            #expect(try await bench.store.enterChecks(round, at: bench.time(149)) == 0)
            #expect(try await bench.store.enterChecks(round, at: bench.time(150)) == 1)
        },
        Behaviour("a random offset moves each check separately") { bench in
            try await bench.connect(.one)
            try await bench.connect(.two)
            let chances = Chances([0.2, 0.9, 0.0, 1.0])
            let round = CheckRound(checks: [.init(.verify, every: .seconds(100))], limit: 10) { chances.next() }
            #expect(try await bench.store.enterChecks(round, at: bench.time(0)) == 0)
            #expect(try await bench.store.enterChecks(round, at: bench.time(20)) == 1)
            try await bench.finishCheck(of: .one, at: bench.time(20))
            #expect(try await bench.store.enterChecks(round, at: bench.time(90)) == 1)
            try await bench.finishCheck(of: .two, at: bench.time(90))
            // They are 90 s after the 20th second, and 110 s after the 90th.
            #expect(try await bench.store.enterChecks(round, at: bench.time(109)) == 0)
            #expect(try await bench.store.enterChecks(round, at: bench.time(110)) == 1)
        },
        Behaviour("a check is claimed like a job, ends with state events only, and leaves nothing behind") { bench in
            try await bench.connect()
            let before = try await bench.unpublished().count
            try await bench.enterCheck()
            let claim = try await bench.claimOne(at: bench.time(200))
            #expect(claim.job.isScheduled && claim.job.kind == .verify && claim.job.attempts == 1)
            #expect(claim.job.id == .scheduled(.verify, of: .workplace) && claim.sealedPayload == [] && claim.job.publisher == nil)
            #expect(claim.state.connection != nil)
            let lost = bench.event(.connectionLost, lane: .one, job: nil)
            let stored = try await bench.store.complete(claim.token, with: Completion(.finished(nil), events: [lost]), at: bench.time(201))
            #expect(stored.types == [.connectionLost] && stored.sequences.allSatisfy { $0 != nil })
            #expect(try await bench.unfinished() == [])
            #expect(try await bench.store.lane(.one)?.finished.map(\.id.description) == ["connect-msp-1"])
            #expect(try await bench.unpublished().count == before + 1)
            #expect(try await bench.claim(at: bench.time(202)) { _ in preconditionFailure("nothing is left") }.claims.isEmpty)
        },
        Behaviour("a check has no terminal event and is not dead-lettered, and a portal's job still ends in exactly one event") { bench in
            try await bench.connect()
            try await bench.enterCheck()
            let claim = try await bench.claimOne(at: bench.time(200))
            let answers = [
                Completion(.finished(nil), events: [bench.event(.connectionVerified, for: claim)]),
                Completion(.deferred(until: bench.time(300)), events: [bench.event(.jobDeferred, for: claim)]),
                Completion(.givenUp(GivenUp(.attemptsSpent, JobError(.internal))), events: []),
            ]
            for completion in answers {
                await bench.expect(.unexpected, "a check answers nobody") {
                    _ = try await bench.store.complete(claim.token, with: completion, at: bench.time(201))
                }
            }
            #expect(try await bench.unfinished() == ["scheduled/verify/workplace"])
            _ = try await bench.store.complete(claim.token, with: Completion(.finished(nil), events: []), at: bench.time(201))

            try await bench.accept(.job("verify", .one, .verify), at: bench.time(202))
            let asked = try await bench.claimOne(at: bench.time(202))
            await bench.expect(.unexpected, "a portal must get its answer") {
                _ = try await bench.store.complete(asked.token, with: Completion(.finished(nil), events: []), at: bench.time(203))
            }
        },
        Behaviour("a check that finds no place is put back, and is claimed again") { bench in
            try await bench.connect()
            try await bench.enterCheck()
            let claim = try await bench.claimOne(at: bench.time(200))
            _ = try await bench.store.complete(claim.token, with: Completion(.postponed, events: []), at: bench.time(201))
            #expect(try await bench.claimOne(at: bench.time(202)).job.attempts == 1)
        },
        Behaviour("a check whose worker died is claimed by the next, and its interruption is counted") { bench in
            try await bench.connect()
            try await bench.enterCheck()
            _ = try await bench.claimOne(at: bench.time(200))
            _ = try await bench.store.join(WorkerID("worker-2"), until: bench.time(300), at: bench.time(250))
            let claim = try await bench.claimOne(by: WorkerID("worker-2"), at: bench.time(251))
            #expect(claim.job.isScheduled && claim.job.interruptions == 1 && claim.job.attempts == 1)
        },
        Behaviour("a dropped check leaves nothing, and causes no event") { bench in
            try await bench.connect()
            try await bench.enterCheck()
            let before = try await bench.unpublished().count
            let result = try await bench.claim(at: bench.time(200)) { snapshot in
                LaneDecision(dropped: snapshot.jobs.map(\.order), next: .wait(until: nil))
            }
            #expect(result.claims.isEmpty && result.events.isEmpty)
            #expect(try await bench.unfinished() == [])
            #expect(try await bench.unpublished().count == before)
        },
        Behaviour("a portal's job cannot be dropped") { bench in
            try await bench.accept(.job("a"))
            await bench.expect(.unexpected, "a person waits for its end") {
                _ = try await bench.claim { LaneDecision(dropped: $0.jobs.map(\.order), next: .wait(until: nil)) }
            }
            #expect(try await bench.unfinished() == ["a"])
        },
        Behaviour("lanes that have only checks are claimed last") { bench in
            try await bench.connect(.one)
            try await bench.enterCheck()
            try await bench.accept(.job("b", .two), .job("c", .three, .connect), at: bench.time(200))
            let result = try await bench.claimDue(at: bench.time(200))
            #expect(result.jobs == ["c", "b", "scheduled/verify/workplace"])
        },
        Behaviour("a lane with a check and a job is claimed in the job's turn") { bench in
            try await bench.connect(.one)
            try await bench.connect(.two)
            #expect(try await bench.store.enterChecks(.verify(chance: 0), at: bench.time(100)) == 2)
            try await bench.accept(.job("b", .two, .sync), at: bench.time(200))
            #expect(try await bench.claimDue(at: bench.time(200)).lanes == [.two, .one])
        },
        Behaviour("at most as many checks wait and run as the limit allows, the longest due first, and the others come later") { bench in
            for lane in [Lane.one, .two, .three] { try await bench.connect(lane) }
            let chances = Chances([0.3, 0.1, 0.2])
            var round = CheckRound(checks: [.init(.verify, every: .seconds(100))], limit: 2) { chances.next() }
            #expect(try await bench.store.enterChecks(round, at: bench.time(0)) == 0)
            round.chance = { 0.5 }
            #expect(try await bench.store.enterChecks(round, at: bench.time(60)) == 2)
            #expect(try await bench.unfinished(.one) == [])
            #expect(try await bench.store.enterChecks(round, at: bench.time(61)) == 0)
            try await bench.finishCheck(of: .two, at: bench.time(62))
            #expect(try await bench.store.enterChecks(round, at: bench.time(63)) == 1)
            #expect(try await bench.unfinished(.one).count == 1)
        },
        Behaviour("a lane has one check at a time, and none while a job is unfinished: it comes after the job has ended") { bench in
            try await bench.connect()
            let checks = [CheckRound.Check(.verify, every: .seconds(100)), .init(.drift, every: .seconds(100))]
            let round = CheckRound(checks: checks, limit: 10) { 0 }
            #expect(try await bench.store.enterChecks(round, at: bench.time(100)) == 1)
            #expect(try await bench.store.enterChecks(round, at: bench.time(110)) == 0)
            #expect(try await bench.unfinished() == ["scheduled/verify/workplace"])
            try await bench.finishCheck(at: bench.time(111))
            try await bench.accept(.job("asked"), at: bench.time(112))
            #expect(try await bench.store.enterChecks(round, at: bench.time(113)) == 0)
            try await bench.finish(try await bench.claimOne(at: bench.time(114)), at: bench.time(114))
            #expect(try await bench.store.enterChecks(round, at: bench.time(115)) == 1)
            #expect(try await bench.unfinished() == ["scheduled/drift/workplace"])
        },
        Behaviour("a lane whose credentials were refused is not checked, and one at another database is only verified") { bench in
            try await bench.connect(.one, status: .credentialsRejected)
            try await bench.connect(.two, status: .databaseMismatch)
            let checks = [CheckRound.Check(.verify, every: .seconds(100)), .init(.drift, every: .seconds(100))]
            let round = CheckRound(checks: checks, limit: 10) { 0 }
            #expect(try await bench.store.enterChecks(round, at: bench.time(0)) == 1)
            #expect(try await bench.unfinished(.one) == [])
            #expect(try await bench.unfinished(.two) == ["scheduled/verify/workplace"])
        },
        Behaviour("nothing is checked without a connection, nor after a reset") { bench in
            try await bench.accept(.job("a"))
            try await bench.finish(try await bench.claimOne())
            #expect(try await bench.store.enterChecks(.verify(chance: 0), at: bench.time(100)) == 0)
            try await bench.connect()
            try await bench.run("reset", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            #expect(try await bench.store.enterChecks(.verify(chance: 0), at: bench.time(200)) == 0)
        },
        Behaviour("a shorter interval applies at once, and so does one after a clock that was ahead") { bench in
            try await bench.connect()
            let long = CheckRound(checks: [.init(.verify, every: .seconds(100_000))], limit: 10) { 0.9 }
            #expect(try await bench.store.enterChecks(long, at: bench.time(0)) == 0)
            #expect(try await bench.store.enterChecks(.verify(chance: 0.5), at: bench.time(0)) == 0)
            #expect(try await bench.store.enterChecks(.verify(chance: 0.5), at: bench.time(50)) == 1)
        },
        Behaviour("checks are not part of the backlog, and a tenant's other product has its own") { bench in
            try await bench.connect(.one)
            try await bench.run(
                "other",
                .of("msp-1", .fileProtection),
                .connect,
                ending: .connectionEstablished,
                changes: LaneChanges(connection: .set(.of(database: 7)), replacesCredentialsKey: true)
            )
            #expect(try await bench.store.enterChecks(.verify(chance: 0), at: bench.time(100)) == 2)
            #expect(try await bench.store.backlog() == 0)
            #expect(try await bench.store.lanes().map(\.waitingJobs) == [0, 0])
            try await bench.accept(.job("a"), at: bench.time(100))
            #expect(try await bench.store.backlog() == 1)
        },
        Behaviour("a check's attempt has its row in the audit log, which names no requester") { bench in
            try await bench.connect()
            try await bench.enterCheck()
            try await bench.finishCheck(at: bench.time(200))
            let row = try #require(try await bench.store.auditPage(after: 0, limit: 100).rows.last)
            #expect(row.entry.action == "attempt.ended" && row.entry.publisher == nil)
            #expect(row.entry.jobID == "scheduled/verify/workplace")
            #expect(row.entry.facts.contains(#""ended":"checked""#))
        },
        Behaviour("the drift seen last is remembered, and erased with the bindings of another database and by a reset") { bench in
            try await bench.connect()
            try await bench.run("a", .one, .drift, ending: .driftReported, changes: LaneChanges(driftDigest: .set("seen")))
            #expect(try await bench.state().driftDigest == "seen")
            try await bench.run("b", .one, .drift, ending: .driftReported)
            #expect(try await bench.state().driftDigest == "seen")
            try await bench.run("c", .one, .drift, ending: .driftReported, changes: LaneChanges(driftDigest: .remove))
            #expect(try await bench.state().driftDigest == nil)
            for (number, changes) in [LaneChanges(removesBindings: true), LaneChanges(resets: true)].enumerated() {
                try await bench.run("set-\(number)", .one, .drift, ending: .driftReported, changes: LaneChanges(driftDigest: .set("seen")))
                try await bench.run("end-\(number)", .one, .connect, ending: .connectionEstablished, changes: changes)
                #expect(try await bench.state().driftDigest == nil)
            }
        },
    ]
}

extension CheckRound {
    /// Verifies every 100 seconds.
    fileprivate static func verify(chance: Double) -> CheckRound {
        CheckRound(checks: [Check(.verify, every: .seconds(100))], limit: 10) { chance }
    }
}

extension Bench {
    /// Connects a lane.
    fileprivate func connect(
        _ lane: Lane = .one,
        status: ConnectionRecord.Status = .connected
    ) async throws {
        var record = ConnectionRecord.of(database: lane == .one ? 7 : 8)
        record.status = status
        let changes = LaneChanges(connection: .set(record), replacesCredentialsKey: true)
        try await run("connect-\(lane.tenant)", lane, .connect, ending: .connectionEstablished, changes: changes)
    }

    /// Enters the check of the first lane.
    fileprivate func enterCheck() async throws {
        #expect(try await store.enterChecks(.verify(chance: 0), at: time(100)) == 1)
    }

    /// Makes the check that waits.
    fileprivate func finishCheck(of lane: Lane = .one, at now: Timestamp) async throws {
        let claim = try #require(try await claimDue(at: now).claims.first { $0.token.lane == lane })
        #expect(claim.job.isScheduled)
        _ = try await store.complete(claim.token, with: Completion(.finished(nil), events: []), at: now)
    }
}

/// Random numbers that a test sets.
private final class Chances: Sendable {
    private let values: Mutex<[Double]>

    init(_ values: [Double]) { self.values = Mutex(values) }

    func next() -> Double { values.withLock { $0.isEmpty ? 0 : $0.removeFirst() } }
}
