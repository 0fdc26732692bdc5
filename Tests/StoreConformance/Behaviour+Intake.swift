import Contract
import Store
import Testing

extension Behaviour {
    static let intake: [Behaviour] = [
        Behaviour("jobs are accepted in order, across lanes and calls") { bench in
            let first = try await bench.accept(.job("a"), .job("b", .two))
            let second = try await bench.accept(.job("c"))
            let orders = (first.outcomes + second.outcomes).compactMap { outcome -> Int64? in
                guard case .accepted(let order) = outcome else { return nil }
                return order
            }
            #expect(orders.count == 3)
            #expect(orders == orders.sorted() && Set(orders).count == 3)
            #expect(first.events.isEmpty && second.events.isEmpty)
        },
        Behaviour("an accepted job is claimed as it was accepted") { bench in
            try await bench.accept(.job("a", plan: "plan-1", revision: 7), at: bench.time(3))
            let claim = try await bench.claimOne(at: bench.time(4))
            #expect(claim.job.id == JobID("a"))
            #expect(claim.job.kind == .sync)
            #expect(claim.job.planID == "plan-1")
            #expect(claim.job.revision == 7)
            #expect(claim.job.acceptedAt == bench.time(3))
            #expect(claim.job.expiry == bench.time(3600))
            #expect(claim.job.traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            #expect(claim.job.publisher == "portal")
            #expect(claim.sealedPayload == Array("sealed a".utf8))
            #expect(claim.token.lane == .one && claim.token.order == claim.job.order)
        },
        Behaviour("a job that is already waiting or running is not accepted again") { bench in
            try await bench.accept(.job("a"))
            #expect(try await bench.accept(.job("a")).outcomes == [.underWay])
            let claim = try await bench.claimOne()
            let again = try await bench.accept(.job("a"))
            #expect(again.outcomes == [.underWay] && again.events.isEmpty)
            try await bench.finish(claim)
            #expect(try await bench.claim().claims.isEmpty)
        },
        Behaviour("the items of a batch see earlier ones") { bench in
            let intake = try await bench.accept(.job("a"), .job("a"), .job("a", digest: [2]), bench.refusal("r"), bench.refusal("r"))
            guard case .accepted = intake.outcomes[0] else { throw IssueRecorded("the first is not accepted") }
            #expect(Array(intake.outcomes.dropFirst()) == [.underWay, .conflict, .refused, .replayed])
        },
        Behaviour("the same id with another payload is a conflict, and the first job stays") { bench in
            try await bench.accept(.job("a"))
            let intake = try await bench.accept(.job("a", digest: [2]))
            #expect(intake.outcomes == [.conflict])
            #expect(intake.events.types == [.jobConflict])
            #expect(intake.events.sequences == [1])
            let claim = try await bench.claimOne()
            #expect(claim.job.id == JobID("a") && claim.sealedPayload == Array("sealed a".utf8))
        },
        Behaviour("a tenant's ids are its own, and one tenant's products share them") { bench in
            try await bench.accept(.job("a", .one), .job("a", .two))
            #expect(try await bench.unfinished(.two) == ["a"])
            let other = try await bench.accept(.job("a", .of("msp-1", .fileProtection), digest: [2]))
            #expect(other.outcomes == [.conflict])
            #expect(other.events.first?.event.event.lane == .of("msp-1", .fileProtection))
        },
        Behaviour("a refused message claims its id, is answered, and is dead-lettered") { bench in
            let intake = try await bench.accept(bench.refusal("r"))
            #expect(intake.outcomes == [.refused])
            #expect(intake.events.types == [.jobRejected])
            #expect(intake.events.sequences == [1])
            #expect(try await bench.store.deadLetters().map(\.jobID) == [JobID("r")])
            #expect(try await bench.claim().claims.isEmpty)
            let corrected = try await bench.accept(.job("r", digest: [2]))
            #expect(corrected.outcomes == [.conflict])
        },
        Behaviour("a refused message may collide with an unfinished job, or one with another payload") { bench in
            try await bench.accept(.job("a"))
            let intake = try await bench.accept(bench.refusal("a"), bench.refusal("a", digest: [2]))
            #expect(intake.outcomes == [.underWay, .conflict])
            #expect(intake.events.types == [.jobConflict])
            #expect(try await bench.unfinished() == ["a"])
        },
        Behaviour("a dead-lettered message claims no id and makes no event") { bench in
            let intake = try await bench.accept(IntakeItem(.deadLetter(bench.letter("untrusted", lane: .one, job: JobID("a")))))
            #expect(intake.outcomes == [.deadLettered] && intake.events.isEmpty)
            guard case .accepted = try await bench.accept(.job("a")).outcomes[0] else { throw IssueRecorded("the id is taken") }
            #expect(try await bench.store.deadLetters() == [bench.letter("untrusted", lane: .one, job: JobID("a"))])
        },
        Behaviour("deliveries of a message are counted until it is accepted") { bench in
            #expect(try await bench.store.countRedelivery(sha256: [1], at: Bench.start).count == 1)
            #expect(try await bench.store.countRedelivery(sha256: [1], at: Bench.start).count == 2)
            #expect(try await bench.store.countRedelivery(sha256: [2], at: Bench.start).count == 1)
            try await bench.accept(.job("a", redelivered: [1]))
            #expect(try await bench.store.countRedelivery(sha256: [1], at: Bench.start).count == 1)
            #expect(try await bench.store.countRedelivery(sha256: [2], at: Bench.start).count == 2)
        },
    ]

    static let replays: [Behaviour] = [
        Behaviour("a finished job is answered again with the same event and number") { bench in
            let entry = try #require(try await bench.run("a").first)
            let again = try await bench.accept(.job("a"), at: bench.time(60))
            #expect(again.outcomes == [.replayed])
            #expect(again.events.map(\.event) == [entry.event])
            #expect(try #require(again.events.first).position > entry.position)
            #expect(try await bench.claim().claims.isEmpty)
        },
        Behaviour("a finished job is answered again once in a batch, by one event that waits") { bench in
            let entry = try #require(try await bench.run("a").first)
            try await bench.store.forgetPublished([entry.position])
            let again = try await bench.accept(.job("a"), .job("a"))
            let copy = try #require(again.events.first)
            #expect(again.outcomes == [.replayed, .replayed] && again.events == [copy])
            // The copy may be with the broker already, so another answers this message.
            let later = try await bench.accept(.job("a"), at: bench.time(60)).events
            #expect(later.map(\.event) == [entry.event] && later[0].position > copy.position)
            #expect(try await bench.unpublished() == later)
            try await bench.store.forgetPublished([copy.position])
            #expect(try await bench.unpublished() == later)
        },
        Behaviour("a refused message is answered again with the same event") { bench in
            let first = try await bench.accept(bench.refusal("r"))
            let again = try await bench.accept(bench.refusal("r"))
            #expect(again.outcomes == [.replayed])
            #expect(again.events.map(\.event) == first.events.map(\.event))
            #expect(try await bench.store.deadLetters().count == 1)
        },
        Behaviour("a replay takes no place in the sequence") { bench in
            try await bench.run("a")
            try await bench.accept(.job("a"))
            #expect(try await bench.run("b").sequences == [2])
        },
        Behaviour("a replay is erased after 30 days, whether or not the store was pruned") { bench in
            let entry = try #require(try await bench.run("a").first)
            let late = Bench.start + .seconds(30 * 86_400)
            #expect(try await bench.accept(.job("a"), at: late - .seconds(1)).events.first?.event == entry.event)
            try await bench.forgetAll()
            bench.expectErased(try await bench.accept(.job("a"), at: late), entry)
            try await bench.store.prune(at: late)
            try await bench.forgetAll()
            bench.expectErased(try await bench.accept(.job("a"), at: late), entry)
        },
        Behaviour("a replay is erased by a reset, except that of the reset itself") { bench in
            let entry = try #require(try await bench.run("a").first)
            let reset = try #require(
                try await bench.run("r", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true)).first
            )
            bench.expectErased(try await bench.accept(.job("a")), entry)
            #expect(try await bench.accept(.job("r", .one, .reset)).events.first?.event == reset.event)
            #expect(try await bench.accept(.job("a", digest: [2])).outcomes == [.conflict])
        },
    ]
}

/// A condition that a test needs to continue.
struct IssueRecorded: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension Bench {
    /// The broker confirms all events.
    fileprivate func forgetAll() async throws { try await store.forgetPublished(try await unpublished().map(\.position)) }

    /// Expects a replay that has lost everything but the event's identity.
    fileprivate func expectErased(_ intake: Acceptance, _ entry: OutboxEntry) {
        #expect(intake.outcomes == [.replayed])
        let replay = intake.events.first?.event
        #expect(replay?.event.id == entry.event.event.id)
        #expect(replay?.event.type == entry.event.event.type)
        #expect(replay?.sequence == nil)
        let jobID = entry.event.event.jobID?.description ?? ""
        #expect(replay.map { String(decoding: $0.event.data, as: UTF8.self) } == #"{"jobId":"\#(jobID)","erased":true}"#)
    }
}
