import Contract
import Store
import Testing

extension Behaviour {
    static let workers: [Behaviour] = [
        Behaviour("a worker whose lease is over is taken over, with its lanes, jobs and events") { bench in
            let other = WorkerID("worker-2")
            try await bench.accept(.job("a"), .job("b", .two), .job("c", .three))
            let claims = try await bench.claim(limit: 2).claims
            try await bench.accept(bench.refusal("r", .three))
            #expect(try await bench.store.join(other, until: bench.time(60), at: bench.time(15)).nextEnd == bench.time(15))
            #expect(try await bench.claimDue(by: other, at: bench.time(15)).jobs == ["c"])

            #expect(try await bench.store.renew(other, until: bench.time(60), at: bench.time(16)) == Takeover(lanes: 2, events: 1))
            #expect(try await bench.unpublished().isEmpty)
            #expect(try await bench.unpublished(of: other).types == [.jobRejected])
            let again = try await bench.claimDue(by: other, at: bench.time(16)).claims
            #expect(again.map(\.token.lane) == [.one, .two])
            #expect(again.map(\.job.interruptions) == [1, 1] && again.map(\.job.attempts) == [1, 1])
            #expect(zip(again, claims).allSatisfy { $0.token.fence > $1.token.fence })
            #expect(again.map(\.sealedPayload) == claims.map(\.sealedPayload))
        },
        Behaviour("a worker that joins takes over at once") { bench in
            try await bench.accept(.job("a"))
            _ = try await bench.claimOne()
            let takeover = try await bench.store.join(WorkerID("worker-2"), until: bench.time(60), at: bench.time(16))
            #expect(takeover == Takeover(lanes: 1, events: 0))
            #expect(try await bench.claimOne(by: WorkerID("worker-2"), at: bench.time(16)).job.interruptions == 1)
        },
        Behaviour("a worker that renews its lease keeps what it holds") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            #expect(try await bench.store.renew(bench.worker, until: bench.time(40), at: bench.time(10)) == Takeover(lanes: 0, events: 0))
            let takeover = try await bench.store.join(WorkerID("worker-2"), until: bench.time(60), at: bench.time(30))
            #expect(takeover == Takeover(lanes: 0, events: 0, nextEnd: bench.time(40)))
            try await bench.finish(claim, at: bench.time(30))
        },
        Behaviour("a worker that was taken for dead has to join again") { bench in
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(60), at: bench.time(16))
            await bench.expectFenced("renew") { _ = try await bench.store.renew(bench.worker, until: bench.time(60), at: bench.time(17)) }
            await bench.expectFenced("claim") { _ = try await bench.claim(at: bench.time(17)) }
            await bench.expectFenced("accept") { _ = try await bench.accept(.job("a"), at: bench.time(17)) }
            let anew = WorkerID("worker-1b")
            _ = try await bench.store.join(anew, until: bench.time(60), at: bench.time(17))
            try await bench.accept(.job("a"), by: anew, at: bench.time(17))
            #expect(try await bench.claimOne(by: anew, at: bench.time(17)).job.id == JobID("a"))
        },
        Behaviour("a worker whose lease is over continues if no worker took it for dead") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            #expect(try await bench.store.renew(bench.worker, until: bench.time(60), at: bench.time(30)) == Takeover(lanes: 0, events: 0))
            try await bench.finish(claim, at: bench.time(30))
        },
        Behaviour("a worker that leaves frees its lanes, and a job that it put back itself was not interrupted") { bench in
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(15), at: Bench.start)
            try await bench.accept(.job("a"), .job("b", .two))
            let claims = try await bench.claim().claims
            _ = try await bench.store.complete(claims[0].token, with: Completion(.postponed, events: []), at: Bench.start)
            try await bench.store.leave(bench.worker, at: Bench.start)
            let again = try await bench.claimDue(by: other, at: Bench.start).claims
            #expect(again.map(\.job.interruptions) == [0, 1] && again.map(\.job.attempts) == [1, 1])
            await bench.expectFenced("complete") { try await bench.finish(claims[1]) }
        },
        Behaviour("events of a worker that left remain its own until its lease is over") { bench in
            let other = WorkerID("worker-2")
            let entries = try await bench.run("a")
            try await bench.store.leave(bench.worker, at: bench.time(1))
            #expect(try await bench.store.join(other, until: bench.time(60), at: bench.time(2)).events == 0)
            #expect(try await bench.unpublished() == entries)
            #expect(try await bench.store.renew(other, until: bench.time(60), at: bench.time(16)).events == 1)
            #expect(try await bench.unpublished(of: other).map(\.event) == entries.map(\.event))
        },
        Behaviour("a worker whose clock is behind a live one's by more than ten seconds may not join; one whose clock is ahead takes over")
        { bench in
            let other = WorkerID("worker-2")
            await bench.expect(.clockBehind, "join") {
                _ = try await bench.store.join(other, until: bench.time(15 - 11), at: bench.time(-11))
            }
            await bench.expectFenced("claim") { _ = try await bench.claim(by: other) }
            _ = try await bench.store.join(other, until: bench.time(15 - 10), at: bench.time(-10))
            _ = try await bench.store.join(WorkerID("worker-3"), until: bench.time(3600), at: bench.time(3585))
            await bench.expectFenced("claim") { _ = try await bench.claim() }
            await bench.expect(.clockBehind, "join") {
                _ = try await bench.store.join(bench.worker, until: bench.time(15), at: bench.time(0))
            }
        },
        Behaviour("a write recorded as sent when a worker joins counts as sent no earlier than that") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            let claims = try await bench.claim().claims
            let sent = JournalEntry(
                planID: "plan",
                serviceKey: "one",
                operation: .create,
                state: .sent,
                autotaskServiceID: nil,
                at: bench.time(3)
            )
            var confirmed = sent
            confirmed.serviceKey = "two"
            confirmed.state = .confirmed
            _ = try await bench.store.journal([sent, confirmed], under: claims[0].token, at: bench.time(3))
            var erased = sent
            erased.at = bench.time(4)
            _ = try await bench.store.journal([erased], under: claims[1].token, at: bench.time(4))
            try await bench.finish(claims[1], changes: LaneChanges(resets: true))
            _ = try await bench.store.join(WorkerID("worker-2"), until: bench.time(15), at: bench.time(2))
            #expect(try await bench.state().openWrites.map(\.at) == [bench.time(3), bench.time(3)])
            #expect(try await bench.state(.two).unsettledSince == bench.time(4))

            _ = try await bench.store.join(WorkerID("worker-3"), until: bench.time(75), at: bench.time(60))
            let state = try await bench.state()
            #expect(state.openWrites.sorted { $0.serviceKey < $1.serviceKey }.map(\.at) == [bench.time(60), bench.time(3)])
            #expect(try await bench.state(.two).unsettledSince == bench.time(60))
        },
        Behaviour("a deferred job keeps its moment through a takeover") { bench in
            try await bench.accept(.job("a"), .job("b"))
            let claim = try await bench.claimOne()
            let completion = Completion(.deferred(until: bench.time(100)), events: [bench.event(.jobDeferred, for: claim)])
            _ = try await bench.store.complete(claim.token, with: completion, at: Bench.start)
            _ = try await bench.claimOne(at: bench.time(1))
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(200), at: bench.time(16))
            let again = try await bench.claimOne(by: other, at: bench.time(16))
            #expect(again.job.id == JobID("b"))
            try await bench.finish(again, at: bench.time(16))
            #expect(try await bench.claimDue(by: other, at: bench.time(99)).nextWake == bench.time(100))
            #expect(try await bench.claimOne(by: other, at: bench.time(100)).job.interruptions == 0)
        },
    ]

    static let outbox: [Behaviour] = [
        Behaviour("events wait in the order of their positions until the broker confirmed them") { bench in
            var entries: [OutboxEntry] = []
            for index in 0..<5 { entries += try await bench.run("job-\(index)", index.isMultiple(of: 2) ? .one : .two) }
            #expect(try await bench.unpublished() == entries)
            try await bench.store.forgetPublished([entries[1].position, entries[3].position])
            #expect(try await bench.unpublished() == [entries[0], entries[2], entries[4]])
            try await bench.store.forgetPublished([entries[1].position])
            try await bench.store.forgetPublished([])
            #expect(try await bench.unpublished().count == 3)
        },
        Behaviour("events are read from a position, up to a limit") { bench in
            for index in 0..<5 { try await bench.run("job-\(index)") }
            let all = try await bench.unpublished()
            let page = try await bench.store.unpublished(of: bench.worker, after: all[1].position, limit: 2)
            #expect(page == [all[2], all[3]])
            #expect(try await bench.store.unpublished(of: bench.worker, after: all[4].position, limit: 2).isEmpty)
        },
        Behaviour("a position is never used again, even if every event was published") { bench in
            let first = try #require(try await bench.run("a").first)
            try await bench.store.forgetPublished([first.position])
            #expect(try #require(try await bench.run("b").first).position > first.position)
        },
        Behaviour("an event is read from the outbox as it was stored") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            var event = bench.event(.syncFailed, for: claim, data: ["name": "Ünïcödé \"quoted\" 雲", "price": .number("9.0010")])
            event.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            event.time = bench.time(77)
            let state = Event(
                id: "state-1",
                type: .connectionLost,
                lane: .one,
                jobID: nil,
                time: bench.time(78),
                traceparent: nil,
                data: [:]
            )
            let entries = try await bench.store.complete(
                claim.token,
                with: Completion(.finished(nil), events: [state, event]),
                at: Bench.start
            )
            #expect(entries.map(\.event.event) == [state, event])
            #expect(try await bench.unpublished() == entries)
        },
        Behaviour("a worker sees only its own events") { bench in
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(15), at: Bench.start)
            try await bench.run("a")
            #expect(try await bench.unpublished(of: other).isEmpty)
        },
    ]
}
