import Contract
import Store
import Testing

extension Behaviour {
    static let letters: [Behaviour] = [
        Behaviour("a valid job that the broker gave up on is entered once, under its own id") { bench in
            let job = UndeliveredJob(publishedAt: bench.time(1), expiry: bench.time(500), revision: 7, traceparent: nil)
            #expect(try await bench.collect("a", job: job) == 1)
            let kept = try await bench.onlyLetter()
            guard case .message(let message) = kept.letter.content else { throw IssueRecorded("it is a message's") }
            #expect(message.job == job && message.messageID == "a" && kept.hasPayload && kept.obstacle == nil)
            #expect(try await bench.store.sealedPayload(ofLetter: kept.id) == Array("sealed a".utf8))
            #expect(try await bench.store.redrive(letter: kept.id, as: .undelivered("a"), by: .tester, at: bench.time(2)) == .entered)
            #expect(try await bench.claimOne(at: bench.time(3)).job.id == JobID("a"))
            let copy = KeptLetter.Copy(id: JobID("a")!, at: bench.time(2))
            #expect(try await bench.store.redrive(letter: kept.id, as: .undelivered("a"), by: .tester, at: bench.time(3)) == .before(copy))
            #expect(try await !bench.onlyLetter().hasPayload)
        },
        Behaviour("a job that the broker gave up on and that arrived in another way is not entered again") { bench in
            let job = UndeliveredJob(publishedAt: bench.time(1))
            _ = try await bench.collect("a", job: job)
            let copy = AcceptableJob.undelivered("a")
            _ = try await bench.store.accept([IntakeItem(.job(copy))], by: bench.worker, at: bench.time(2)) { bench.conflict($0) }
            let id = try await bench.onlyLetter().id
            #expect(
                try await bench.store.redrive(letter: id, as: copy, by: .tester, at: bench.time(3))
                    == .before(KeptLetter.Copy(id: JobID("a")!, at: bench.time(3)))
            )
            #expect(try await bench.store.backlog() == 1)
        },
        Behaviour("a job that the broker gave up on is outdated by jobs accepted since it was published") { bench in
            let lanes = [Lane.one, .two, .three, .of("msp-9", .workplace)]
            let pairs = [(JobKind.sync, JobKind.sync), (.sync, .reset), (.connect, .connect), (.reset, .connect)]
            for (lane, (kind, other)) in zip(lanes, pairs) {
                try await bench.accept(.job("other", lane, other))
                _ = try await bench.collect("a", lane, kind: kind, job: UndeliveredJob(publishedAt: Bench.start))
                _ = try await bench.collect("b", lane, kind: kind, job: UndeliveredJob(publishedAt: bench.time(1)))
            }
            let letters = try await bench.store.letters(.all, after: 0, limit: 10)
            #expect(letters.map(\.obstacle) == pairs.flatMap { _ in [.outdated, nil] })
        },
        Behaviour("a reset erases jobs that the broker gave up on, only in its own lane") { bench in
            for lane in [Lane.one, .two] { _ = try await bench.collect("a", lane, job: UndeliveredJob(publishedAt: bench.time(1))) }
            try await bench.run("r", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            let letters = try await bench.store.letters(.all, after: 0, limit: 10)
            #expect(letters.map(\.hasPayload) == [false, true] && letters.map(\.letter.detail.isEmpty) == [true, false])
        },
        Behaviour("a job that is given up on becomes a dead-lettered job with its end, and records its history") { bench in
            try await bench.accept(.job("a", plan: "plan-1", revision: 7))
            var claim = try await bench.claimOne()
            try await bench.put(claim, off: 10, because: .timeout, at: bench.time(1))
            _ = try await bench.store.renew(bench.worker, until: bench.time(20), at: bench.time(10))
            claim = try await bench.claimOne(at: bench.time(10))
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(100), at: bench.time(21))
            claim = try await bench.claimOne(by: other, at: bench.time(22))
            #expect(try await bench.store.letters(.all, after: 0, limit: 10).isEmpty)
            let error = JobError(.autotaskUnavailable, "Autotask did not answer.", field: "data")
            try await bench.finish(claim, .syncFailed, givenUp: GivenUp(.attemptsSpent, error), at: bench.time(30))

            let kept = try await bench.onlyLetter()
            let job = DeadJob(
                order: claim.job.order,
                acceptedAt: Bench.start,
                attempts: 2,
                interruptions: 1,
                history: [
                    Attempt(ended: bench.time(1), .deferred(until: bench.time(10), because: JobError(.timeout))),
                    Attempt(ended: bench.time(21), .interrupted(bench.worker)),
                ],
                revision: 7,
                traceparent: claim.job.traceparent
            )
            let letter = DeadLetter(
                at: bench.time(30),
                cause: FailureCause(reason: "attempts_spent", kind: .sync, code: .autotaskUnavailable, field: "data"),
                detail: "Autotask did not answer.",
                tenant: Lane.one.tenant,
                product: .workplace,
                jobID: JobID("a"),
                publisher: "portal",
                content: .job(job)
            )
            #expect(kept.letter == letter)
            #expect(kept.hasPayload && kept.obstacle == nil && kept.copy == nil)
            #expect(try await bench.store.sealedPayload(ofLetter: kept.id) == Array("sealed a".utf8))
            #expect(try await bench.store.deadLetters() == [letter])
        },
        Behaviour("a job that ends in another way is not dead-lettered") { bench in
            try await bench.accept(.job("a"))
            try await bench.put(try await bench.claimOne(), off: 10, because: .timeout)
            try await bench.finish(try await bench.claimOne(at: bench.time(10)), .syncFailed)
            #expect(try await bench.store.deadLetters().isEmpty)
        },
        Behaviour("a job that is put off without counting only has that counted") { bench in
            try await bench.accept(.job("a"))
            for second in 1...3 {
                let claim = try await bench.claimOne(at: bench.time(second))
                try await bench.put(claim, off: second + 1, because: .autotaskUnavailable, counts: false)
            }
            try await bench.giveUp(try await bench.claimOne(at: bench.time(4)), .timeSpent)
            guard case .job(let job) = try await bench.onlyLetter().letter.content else { throw IssueRecorded("it is not a job's") }
            #expect(job.heldUp == 3 && job.attempts == 1 && job.history.isEmpty)
        },
        Behaviour("a job that ends without running may also be given up on") { bench in
            try await bench.accept(.job("a"), .job("b", .one, .billingCodes))
            let result = try await bench.claim { snapshot in
                let event = bench.event(.jobAbandoned, lane: snapshot.lane, job: snapshot.jobs[0].id)
                let givenUp = GivenUp(.interrupted, JobError(.poison))
                return LaneDecision(
                    settlements: [.init(order: snapshot.jobs[0].order, event: event, code: .poison, givenUp: givenUp)],
                    next: .run(order: snapshot.jobs[1].order, .work)
                )
            }
            #expect(result.jobs == ["b"])
            let kept = try await bench.onlyLetter()
            #expect(kept.letter.jobID == JobID("a") && kept.letter.reason == "interrupted" && kept.letter.cause.code == .poison)
            #expect(kept.obstacle == nil)
        },
        Behaviour("nothing is kept of a connect, which holds credentials") { bench in
            try await bench.accept(.job("a", .one, .connect))
            try await bench.giveUp(try await bench.claimOne())
            let kept = try await bench.onlyLetter()
            #expect(!kept.hasPayload && kept.obstacle == .connect)
            #expect(try await bench.store.sealedPayload(ofLetter: kept.id) == nil)
            #expect(
                try await bench.store.redrive(letter: kept.id, as: .copy("a", kind: .connect), by: .tester, at: Bench.start)
                    == .refused(.connect)
            )
            #expect(try await bench.store.backlog() == 0)
        },
        Behaviour("a fenced call leaves no dead letter") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            _ = try await bench.store.join(WorkerID("worker-2"), until: bench.time(60), at: bench.time(16))
            await bench.expectFenced("complete") { try await bench.giveUp(claim) }
            #expect(try await bench.store.deadLetters().isEmpty)
        },
        Behaviour("a reset erases the plan in its lane's dead letters, and in no other lane's") { bench in
            let other = Lane.of("msp-1", .fileProtection)
            for (id, lane) in [("a", Lane.one), ("b", .two), ("c", other)] { try await bench.giveUp(id, lane) }
            try await bench.accept(bench.refusal("d"))
            try await bench.run("r", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            let letters = try await bench.store.letters(.all, after: 0, limit: 10)
            #expect(letters.map(\.letter.jobID?.description) == ["a", "b", "c", "d"])
            #expect(letters.map(\.hasPayload) == [false, true, true, false])
            #expect(letters.map(\.letter.detail.isEmpty) == [true, false, false, true])
            #expect(letters[0].obstacle == .outdated && letters[1].obstacle == nil)
            #expect(try await bench.store.sealedPayload(ofLetter: letters[0].id) == nil)
        },
        Behaviour("pruning erases the jobs in dead letters after 30 days, not before, and forgets the letters after 400") { bench in
            try await bench.giveUp("a")
            let late = Bench.start + .seconds(30 * 86_400)
            try await bench.store.prune(at: late - .seconds(1))
            #expect(try await bench.onlyLetter().hasPayload)
            try await bench.store.prune(at: late)
            let kept = try await bench.onlyLetter()
            #expect(!kept.hasPayload && kept.letter.detail.isEmpty && kept.obstacle == .erased)
            #expect(try await bench.store.redrive(letter: kept.id, as: .copy("a"), by: .tester, at: late) == .refused(.erased))
            try await bench.store.prune(at: Bench.start + .seconds(400 * 86_400))
            #expect(try await bench.store.deadLetters().isEmpty)
        },
        Behaviour("dead letters are chosen by id, cause, tenant, reason and age") { bench in
            try await bench.giveUp("a", .one, at: bench.time(1))
            try await bench.giveUp("b", .two, at: bench.time(2))
            try await bench.giveUp("c", .two, .timeSpent, at: bench.time(3))
            func ids(_ selection: LetterSelection, after id: Int64 = 0, limit: Int = 10) async throws -> [String?] {
                try await bench.store.letters(selection, after: id, limit: limit).map(\.letter.jobID?.description)
            }
            let all = try await bench.store.letters(.all, after: 0, limit: 10)
            #expect(try await ids(.all) == ["a", "b", "c"])
            #expect(try await ids(.all, after: all[0].id, limit: 1) == ["b"])
            #expect(try await ids(LetterSelection(ids: [all[0].id, all[2].id, 99])) == ["a", "c"])
            #expect(try await ids(LetterSelection(ids: [])) == [])
            #expect(all[0].letter.cause.fingerprint == all[1].letter.cause.fingerprint)
            #expect(try await ids(LetterSelection(fingerprint: all[0].letter.cause.fingerprint)) == ["a", "b"])
            #expect(try await ids(LetterSelection(tenant: Lane.two.tenant)) == ["b", "c"])
            #expect(try await ids(LetterSelection(reason: "time_spent")) == ["c"])
            #expect(try await ids(LetterSelection(before: bench.time(2))) == ["a"])
            #expect(try await ids(LetterSelection(tenant: Lane.one.tenant, reason: "time_spent")) == [])
        },
        Behaviour("dead letters of one cause and tenant are one group") { bench in
            for second in 1...3 { try await bench.giveUp("a-\(second)", .one, at: bench.time(second)) }
            try await bench.giveUp("b", .two, at: bench.time(4))
            let groups = try await bench.store.letterGroups(.all, looking: 10).groups
            #expect(groups.map(\.tenant) == [Lane.two.tenant, Lane.one.tenant])
            #expect(groups.map(\.count) == [1, 3] && Set(groups.map(\.cause.fingerprint)).count == 1)
            // Each of the first two would undo the third.
            #expect(groups.map(\.redrivable) == [1, 1])
            #expect(groups[1].first == bench.time(1) && groups[1].last == bench.time(3))
            #expect(
                try await bench.store.letters(LetterSelection(ids: [groups[1].example]), after: 0, limit: 1)[0].letter.jobID == JobID("a-3")
            )
        },
        Behaviour("the newest dead letters are looked at in pages, whether they are selected or not") { bench in
            for second in 1...5 { try await bench.giveUp("a-\(second)", second == 2 ? .two : .one, at: bench.time(second)) }
            let first = try await bench.store.letters(.all, before: .max, looking: 2)
            #expect(first.letters.map(\.letter.jobID) == [JobID("a-5"), JobID("a-4")] && first.looked == 2)
            let second = try await bench.store.letters(
                LetterSelection(tenant: Lane.two.tenant),
                before: try #require(first.next),
                looking: 2
            )
            #expect(second.letters.map(\.letter.jobID) == [JobID("a-2")] && second.looked == 2)
            let last = try await bench.store.letters(.all, before: try #require(second.next), looking: 2)
            #expect(last.letters.map(\.letter.jobID) == [JobID("a-1")] && last.looked == 1 && last.next == nil)
            #expect(try await bench.store.letters(.all, before: 0, looking: 2).next == nil)

            let some = try await bench.store.letterGroups(.all, looking: 3)
            #expect(some.groups.map(\.count) == [3] && some.looked == 3 && !some.isComplete)
            let all = try await bench.store.letterGroups(.all, looking: 10)
            #expect(all.groups.map(\.count) == [4, 1] && all.looked == 5 && all.isComplete)
            var pages: [KeptLetter] = []
            try await bench.store.forEachPage(of: .all) { pages += $0 }
            #expect(pages.map(\.id) == pages.map(\.id).sorted(by: >) && pages.count == 5)
        },
        Behaviour("purging forgets the selected dead letters, and their ids are not used again") { bench in
            try await bench.giveUp("a", .one)
            try await bench.giveUp("b", .two)
            let last = try #require(try await bench.store.letters(.all, after: 0, limit: 10).last)
            #expect(try await bench.store.purgeLetters(LetterSelection(tenant: Lane.two.tenant), by: .tester, at: Bench.start) == 1)
            #expect(try await bench.store.purgeLetters(LetterSelection(tenant: Lane.two.tenant), by: .tester, at: Bench.start) == 0)
            #expect(try await bench.store.redrive(letter: last.id, as: .copy("b", .two), by: .tester, at: Bench.start) == .gone)
            try await bench.giveUp("c", .three)
            #expect(try await bench.store.letters(.all, after: 0, limit: 10).map(\.letter.jobID?.description) == ["a", "c"])
            #expect(try #require(try await bench.store.letters(.all, after: 0, limit: 10).last).id > last.id)
        },
        Behaviour("a message that the broker gave up on is recorded once, however often it is collected") { bench in
            let letter = bench.letter("rejected", lane: .one, job: JobID("a"), death: "death-1")
            #expect(try await bench.store.record([letter, bench.letter("rejected", death: "death-2")]) == 2)
            #expect(try await bench.store.record([letter, bench.letter("expired", death: "death-3")]) == 1)
            let kept = try await bench.store.letters(.all, after: 0, limit: 10)
            #expect(kept.map(\.letter.reason) == ["rejected", "rejected", "expired"])
            #expect(kept[0].letter == letter && kept[0].obstacle == .bodyNotKept)
            #expect(
                try await bench.store.redrive(letter: kept[0].id, as: .copy("a"), by: .tester, at: Bench.start) == .refused(.bodyNotKept)
            )
        },
    ]

    static let redrives: [Behaviour] = [
        Behaviour("a redriven job is accepted now, under its own id, and takes over the kept data") { bench in
            try await bench.giveUp("a")
            try await bench.accept(.job("b", .one, .billingCodes))
            let letter = try await bench.onlyLetter()
            #expect(letter.obstacle == nil)
            #expect(
                try await bench.store.redrive(
                    letter: letter.id,
                    as: .copy("a", plan: "plan-1", revision: 3),
                    by: .tester,
                    at: bench.time(5)
                ) == .entered
            )
            let kept = try await bench.onlyLetter()
            #expect(kept.copy == KeptLetter.Copy(id: JobID("a:redrive-1")!, at: bench.time(5)))
            #expect(!kept.hasPayload && kept.obstacle == .redriven)
            #expect(try await bench.unfinished() == ["b", "a:redrive-1"])
            try await bench.finish(try await bench.claimOne(at: bench.time(5)), .billingCodesListed)
            let claim = try await bench.claimOne(at: bench.time(5))
            #expect(claim.job.id == JobID("a:redrive-1") && claim.job.redriveOf == JobID("a"))
            #expect(claim.job.acceptedAt == bench.time(5) && claim.job.attempts == 1 && claim.job.expiry == nil)
            #expect(claim.job.planID == "plan-1" && claim.job.revision == 3)
            #expect(claim.sealedPayload == Array("sealed again".utf8))
        },
        Behaviour("redriving a dead letter again enters nothing, even after the copy has ended") { bench in
            try await bench.giveUp("a")
            let id = try await bench.onlyLetter().id
            #expect(try await bench.store.redrive(letter: id, as: .copy("a"), by: .tester, at: bench.time(5)) == .entered)
            let copy = KeptLetter.Copy(id: JobID("a:redrive-1")!, at: bench.time(5))
            #expect(try await bench.store.redrive(letter: id, as: .copy("a"), by: .tester, at: bench.time(6)) == .before(copy))
            #expect(try await bench.unfinished() == ["a:redrive-1"])
            try await bench.finish(try await bench.claimOne(at: bench.time(6)))
            #expect(try await bench.store.redrive(letter: id, as: .copy("a"), by: .tester, at: bench.time(7)) == .before(copy))
            #expect(try await bench.unfinished() == [])
        },
        Behaviour("events of a copy name the original job, whenever they are published") { bench in
            try await bench.giveUp("a")
            let id = try await bench.onlyLetter().id
            _ = try await bench.store.redrive(letter: id, as: .copy("a"), by: .tester, at: bench.time(5))
            let claim = try await bench.claimOne(at: bench.time(5))
            var event = bench.event(.syncSucceeded, for: claim)
            event.redriveOf = claim.job.redriveOf
            let told = try await bench.store.complete(claim.token, with: Completion(.finished(nil), events: [event]), at: bench.time(5))
            #expect(told.map(\.event.event.redriveOf) == [JobID("a")])
            #expect(try await bench.unpublished().map(\.event.event.redriveOf) == [nil, JobID("a")])
            let again = try await bench.accept(.job("a:redrive-1", digest: [9]))
            #expect(again.outcomes == [.replayed] && again.events.map(\.event) == told.map(\.event))
            try await bench.store.forgetPublished(again.events.map(\.position))
            let late = Bench.start + .seconds(31 * 86_400)
            #expect(try await bench.accept(.job("a:redrive-1", digest: [9]), at: late).events.map(\.event.event.redriveOf) == [JobID("a")])
            // The original's end is unchanged.
            #expect(try await bench.accept(.job("a")).events.map(\.event.event.redriveOf) == [nil])
        },
        Behaviour("a copy that is given up on is a dead-lettered job of its own, which can be redriven") { bench in
            try await bench.giveUp("a")
            _ = try await bench.store.redrive(letter: try await bench.onlyLetter().id, as: .copy("a"), by: .tester, at: Bench.start)
            try await bench.giveUp(try await bench.claimOne())
            let second = try #require(try await bench.store.letters(.all, after: 0, limit: 10).last)
            guard case .job(let job) = second.letter.content else { throw IssueRecorded("it is not a job's") }
            #expect(second.letter.jobID == JobID("a:redrive-1") && job.redriveOf == JobID("a") && second.obstacle == nil)
            #expect(try await bench.store.redrive(letter: second.id, as: .copy("a:redrive-1"), by: .tester, at: Bench.start) == .entered)
            #expect(try await bench.unfinished() == ["a:redrive-2"])
        },
        Behaviour("a free lane without waiting jobs is claimed for a copy") { bench in
            try await bench.giveUp("a")
            #expect(try await bench.claim().claims.isEmpty)
            _ = try await bench.store.redrive(letter: try await bench.onlyLetter().id, as: .copy("a"), by: .tester, at: bench.time(5))
            #expect(try await bench.claimDue(at: bench.time(5)).jobs == ["a:redrive-1"])
        },
        Behaviour("a dead letter is left as it is if another job has the id of its copy") { bench in
            try await bench.giveUp("a")
            let before = try await bench.onlyLetter()
            try await bench.accept(.job("a:redrive-1", .of("msp-1", .fileProtection), digest: [5]))
            #expect(try await bench.store.redrive(letter: before.id, as: .copy("a"), by: .tester, at: Bench.start) == .idTaken)
            #expect(try await bench.onlyLetter() == before)
            #expect(try await bench.unfinished() == [])
        },
        Behaviour("a sync without a revision is outdated by a newer sync, and one with a revision is not") { bench in
            try await bench.giveUp("a")
            try await bench.giveUp("b", .two, revision: 4)
            try await bench.giveUp("c", .of("msp-1", .fileProtection))
            try await bench.accept(.job("a2"), .job("b2", .two))
            try await bench.accept(.job("q", .of("msp-1", .fileProtection), .billingCodes))
            let letters = try await bench.store.letters(.all, after: 0, limit: 10)
            #expect(letters.map(\.obstacle) == [.outdated, nil, nil])
            #expect(
                try await bench.store.redrive(letter: letters[0].id, as: .copy("a"), by: .tester, at: Bench.start) == .refused(.outdated)
            )
            #expect(try await bench.unfinished() == ["a2"])
        },
        Behaviour("no job from before a reset is brought back, and no reset from before a connect") { bench in
            try await bench.giveUp("a", .one, .attemptsSpent, .billingCodes)
            try await bench.giveUp("r", .two, .interrupted, .reset)
            try await bench.giveUp("s", .three, .interrupted, .reset)
            try await bench.accept(.job("r1", .one, .reset), .job("c", .two, .connect), .job("q", .three))
            #expect(try await bench.store.letters(.all, after: 0, limit: 10).map(\.obstacle) == [.outdated, .outdated, nil])
        },
    ]
}

extension Bench {
    /// Records a valid job that the broker gave up on.
    func collect(_ id: String, _ lane: Lane = .one, kind: JobKind = .sync, job: UndeliveredJob) async throws -> Int {
        let message = DeadMessage(
            sha256: [7],
            size: 12,
            queue: "autotask.jobs",
            exchange: "autotask.jobs",
            routingKey: "sync.msp-1",
            messageID: id,
            job: job,
            death: "death of \(lane) \(id)"
        )
        let letter = DeadLetter(
            at: time(9),
            cause: FailureCause(reason: "delivery_limit", kind: kind),
            detail: "RabbitMQ gave up on it.",
            tenant: lane.tenant,
            product: lane.product,
            jobID: JobID(id),
            publisher: "portal",
            content: .message(message)
        )
        return try await store.record([CollectedLetter(letter, sealedPayload: Array("sealed \(id)".utf8))])
    }
}

extension AcceptableJob {
    /// The job that is entered for a job that the broker gave up on.
    static func undelivered(_ id: String, _ lane: Lane = .one) -> AcceptableJob {
        AcceptableJob(
            key: JobKey(id: JobID(id)!, lane: lane, digest: [9]),
            kind: .sync,
            publisher: "portal",
            sealedPayload: Array("sealed again".utf8)
        )
    }

    /// The job that is entered by a redrive.
    static func copy(
        _ id: String,
        _ lane: Lane = .one,
        kind: JobKind = .sync,
        plan: String? = nil,
        revision: Int64? = nil
    ) -> AcceptableJob {
        let old = JobID(id)!
        return AcceptableJob(
            key: JobKey(id: old.redriven, lane: lane, digest: [9]),
            kind: kind,
            planID: plan,
            revision: revision,
            publisher: "portal",
            redriveOf: old,
            sealedPayload: Array("sealed again".utf8)
        )
    }
}

extension Bench {
    func put(
        _ claim: LaneClaim,
        off second: Int,
        because code: ErrorCode,
        counts: Bool = true,
        at now: Timestamp = Bench.start
    ) async throws {
        let completion = Completion(
            .deferred(until: time(second), because: JobError(code), counts: counts),
            events: [event(.jobDeferred, for: claim)],
            at: now
        )
        _ = try await store.complete(claim.token, with: completion, at: now)
    }

    fileprivate func giveUp(_ claim: LaneClaim, _ reason: GivenUp.Reason = .attemptsSpent, at now: Timestamp = Bench.start) async throws {
        try await finish(claim, .syncFailed, givenUp: GivenUp(reason, JobError(.autotaskUnavailable)), at: now)
    }

    /// Accepts a job of a lane and gives up on it.
    func giveUp(
        _ id: String,
        _ lane: Lane = .one,
        _ reason: GivenUp.Reason = .attemptsSpent,
        _ kind: JobKind = .sync,
        revision: Int64? = nil,
        at now: Timestamp = Bench.start
    ) async throws {
        try await accept(.job(id, lane, kind, revision: revision), at: now)
        try await giveUp(try #require(try await claimDue(at: now).claims.first { $0.job.id.description == id }), reason, at: now)
    }

    fileprivate func onlyLetter() async throws -> KeptLetter {
        let letters = try await store.letters(.all, after: 0, limit: 10)
        #expect(letters.count == 1)
        return try #require(letters.first)
    }
}
