import Contract
import Store
import Testing

extension Behaviour {
    static let looking: [Behaviour] = [
        Behaviour("lanes are listed by tenant and product, with their details") { bench in
            try await bench.connect([.two], database: 5)
            try await bench.run(
                "a",
                .two,
                changes: LaneChanges(becomesEnabled: true, bindings: [.of("license"), .of("storage", id: nil, status: .error)])
            )
            try await bench.accept(.job("b", .two), .job("c", .of("msp-1", .fileProtection)), .job("d", .one))
            let lanes = try await bench.store.lanes()
            #expect(lanes.map(\.lane) == [.of("msp-1", .fileProtection), .one, .two])
            #expect(lanes.map(\.connection) == [nil, nil, .connected])
            #expect(lanes.map(\.isEnabled) == [false, false, true])
            #expect(lanes.map(\.waitingJobs) == [1, 1, 1])
            #expect(lanes.map(\.services) == [0, 0, 2] && lanes.map(\.syncedServices) == [0, 0, 1])
            #expect(lanes.map(\.epoch) == [1, 1, 1])
        },
        Behaviour("the backlog is the accepted and unfinished jobs") { bench in
            try await bench.accept(.job("a"), .job("b"), .job("c", .two), bench.refusal("r", .three))
            #expect(try await bench.store.backlog() == 3)
            try await bench.finish(try await bench.claimOne())
            #expect(try await bench.store.backlog() == 2)
        },
        Behaviour("a lane is shown as a claim would find it, with its holder, its line and its database") { bench in
            #expect(try await bench.store.situation(of: .one, at: Bench.start) == nil)
            try await bench.connect([.one, .two], database: 5)
            try await bench.accept(.job("a", .one), .job("b", .two), .job("c", .two))
            let before = try #require(try await bench.store.situation(of: .two, at: Bench.start))
            #expect(before.holder == nil && before.ahead == 1 && before.occupants == [] && before.backlog == 2)
            #expect(before.snapshot.jobs.map(\.id.description) == ["b", "c"] && before.workers == 1 && !before.isSuspectRunning)
            let claim = try await bench.claimOne(at: bench.time(1))
            let held = try #require(try await bench.store.situation(of: .one, at: bench.time(2)))
            #expect(held.holder?.worker == bench.worker && held.holder?.job?.id == claim.job.id && held.holder?.begunAt == bench.time(1))
            #expect(held.holder?.leaseEnd != nil)
            let behind = try #require(try await bench.store.situation(of: .two, at: bench.time(2)))
            #expect(behind.ahead == 0 && behind.occupants == [.one] && behind.hold.neededDatabase == 5)
            // Once all leases are over, no worker is there.
            #expect(try await bench.store.situation(of: .two, at: bench.time(86_400))?.workers == 0)
        },
        Behaviour("an unknown lane is not found") { bench in
            let detail = try await bench.store.lane(.one)
            #expect(detail == nil)
            #expect(try await bench.store.lanes().isEmpty)
        },
        Behaviour("a lane is shown with its unfinished jobs and the newest finished ones") { bench in
            for index in 0..<22 { try await bench.run("job-\(index)", at: bench.time(index)) }
            try await bench.accept(bench.refusal("r"), at: bench.time(50))
            try await bench.accept(.job("w1"), .job("w2"))
            let detail = try #require(try await bench.store.lane(.one))
            #expect(detail.unfinished.map(\.id.description) == ["w1", "w2"])
            #expect(detail.finished.count == 20)
            #expect(detail.finished.map(\.id.description).prefix(3) == ["r", "job-21", "job-20"])
            #expect(detail.finished[0].kind == nil && detail.finished[0].event == .jobRejected)
            #expect(detail.finished[1].kind == .sync && detail.finished[1].event == .syncSucceeded)
            #expect(detail.finished[1].acceptedAt == bench.time(21) && detail.finished[1].finishedAt == bench.time(21))
        },
        Behaviour("dead letters are shown oldest first, up to the requested number") { bench in
            for index in 0..<4 {
                try await bench.accept(IntakeItem(.deadLetter(bench.letter("reason-\(index)", at: bench.time(index)))))
            }
            let first = try await bench.store.letters(.all, after: 0, limit: 3)
            #expect(first.map(\.letter.reason) == ["reason-0", "reason-1", "reason-2"])
            let rest = try await bench.store.letters(.all, after: try #require(first.last).id, limit: 3)
            #expect(rest.map(\.letter.reason) == ["reason-3"])
        },
        Behaviour("a closed store refuses calls, and says so") { bench in
            await bench.store.close()
            let writing = await #expect(throws: StoreError.self) { try await bench.accept(.job("a")) }
            let reading = await #expect(throws: StoreError.self) { try await bench.store.lanes() }
            #expect(writing?.code == .unavailable && reading?.code == .unavailable)
        },
    ]

    static let pruning: [Behaviour] = [
        Behaviour("pruning erases the data of events after 30 days, not before") { bench in
            try await bench.run("old")
            try await bench.run("new", at: bench.time(86_400))
            try await bench.accept(.job("waiting"))
            let late = Bench.start + .seconds(30 * 86_400)
            try await bench.store.prune(at: late)
            #expect(try await bench.accept(.job("new"), at: late).events.sequences == [2])
            #expect(try await bench.accept(.job("old"), at: late).events.sequences == [nil])
            #expect(try await bench.unfinished() == ["waiting"])
        },
        Behaviour("pruning keeps unpublished events completely") { bench in
            let entries = try await bench.run("a")
            try await bench.store.prune(at: Bench.start + .seconds(500 * 86_400))
            #expect(try await bench.unpublished() == entries)
        },
        Behaviour("pruning forgets ids after 400 days, with everything that names them, but never a waiting job") { bench in
            try await bench.accept(.job("waiting"), bench.refusal("r", .two))
            try await bench.run("old", .three)
            try await bench.run("new", .three, at: bench.time(86_400))
            let late = Bench.start + .seconds(400 * 86_400)
            try await bench.store.prune(at: late - .seconds(1))
            #expect(try await bench.accept(.job("old", .three), at: late).outcomes == [.replayed])
            try await bench.store.prune(at: late)
            _ = try await bench.store.join(bench.worker, until: late + .seconds(15), at: late)
            guard case .accepted = try await bench.accept(.job("old", .three, digest: [9]), at: late).outcomes[0] else {
                throw IssueRecorded("the id is not forgotten")
            }
            #expect(try await bench.accept(.job("new", .three), at: late).outcomes == [.replayed])
            #expect(try await bench.unfinished() == ["waiting"])
            #expect(try await bench.store.deadLetters().isEmpty)
        },
        Behaviour("pruning handles more jobs than fit in one step") { bench in
            var items: [IntakeItem] = []
            for index in 0..<2500 { items.append(bench.refusal("r-\(index)")) }
            _ = try await bench.store.accept(items, by: bench.worker, at: Bench.start) { bench.conflict($0) }
            let late = Bench.start + .seconds(400 * 86_400)
            try await bench.store.prune(at: late)
            for id in ["r-0", "r-1000", "r-2499"] {
                guard case .accepted = try await bench.accept(.job(id), at: late).outcomes[0] else {
                    throw IssueRecorded("\(id) is remembered")
                }
            }
        },
    ]
}
