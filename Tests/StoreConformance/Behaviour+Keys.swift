import Contract
import Store
import Testing

/// The keys under which data is sealed, and how a key ends.
extension Behaviour {
    static let keys: [Behaviour] = [
        Behaviour("lists what is sealed under each key: credentials keys, waiting jobs, dead letters") { bench in
            try await bench.connect(.one, wrappedBy: "wrap-1")
            try await bench.connect(.two, wrappedBy: "wrap-1")
            try await bench.connect(.three, wrappedBy: "wrap-2")
            try await bench.accept(.job("waits", sealedUnder: "job-1"))
            try await bench.giveUp("letter", sealedUnder: "job-1")
            try await bench.run("ended", .two)
            #expect(
                try await bench.store.keyUses()
                    == ["wrap-1": KeyUse(credentials: 2), "wrap-2": KeyUse(credentials: 1), "job-1": KeyUse(jobs: 1, letters: 1)]
            )
        },

        Behaviour("wraps keys again lane by lane, in steps, and skips those to be kept") { bench in
            for lane in [Lane.one, .two, .three] { try await bench.connect(lane, wrappedBy: lane == .two ? "wrap-2" : "wrap-1") }
            let first = try await bench.rewrap(after: nil, limit: 2)
            #expect(first == RewrapStep(last: .two, seen: 2, rewrapped: 1))
            let second = try await bench.rewrap(after: first.last, limit: 2)
            #expect(second == RewrapStep(last: nil, seen: 1, rewrapped: 1))
            #expect(try await bench.store.keyUses() == ["wrap-2": KeyUse(credentials: 3)])
            let again = try await bench.rewrap(after: nil, limit: 100)
            #expect(again == RewrapStep(last: nil, seen: 3, rewrapped: 0))
            #expect(try await bench.state(.one).connection?.sealedCredentials == [4, 5, 6])
        },

        Behaviour("keeps a key that was wrapped again while a job that changes the connection ran") { bench in
            try await bench.connect(.one, wrappedBy: "wrap-1")
            try await bench.accept(.job("b"))
            let claim = try await bench.claimOne()
            _ = try await bench.rewrap(after: nil, limit: 100)
            var connection = try #require(claim.state.connection)
            connection.status = .credentialsRejected
            try await bench.finish(claim, changes: LaneChanges(connection: .set(connection)))
            let state = try await bench.state(.one)
            #expect(state.connection?.status == .credentialsRejected)
            #expect(state.connection?.wrappedKey == SealedForm.front(keyID: "wrap-2", capacity: 0))
        },

        Behaviour("replaces a lane's key when a connection brings a new one") { bench in
            try await bench.connect(.one, wrappedBy: "wrap-1")
            try await bench.connect(.one, wrappedBy: "wrap-2")
            #expect(try await bench.store.keyUses() == ["wrap-2": KeyUse(credentials: 1)])
        },

        Behaviour("ends a key only if nothing is sealed under it, and otherwise lists what is") { bench in
            try await bench.connect(.one, wrappedBy: "wrap-1")
            #expect(try await bench.store.retireKey("wrap-1", at: Bench.start) == KeyUse(credentials: 1))
            _ = try await bench.rewrap(after: nil, limit: 100)
            for _ in 0..<2 { #expect(try await bench.store.retireKey("wrap-1", at: Bench.start).isNone) }
        },

        Behaviour("refuses a job that is sealed under an ended key, and the whole batch with it") { bench in
            _ = try await bench.store.retireKey("job-1", at: Bench.start)
            await bench.expect(.keyRetired, "a batch with such a job") {
                try await bench.accept(.job("a", .two), .job("b", sealedUnder: "job-1"))
            }
            #expect(try await bench.store.backlog() == 0)
            try await bench.accept(.job("a", .two), .job("b", sealedUnder: "job-2"))
            #expect(try await bench.store.backlog() == 2)
        },

        Behaviour("refuses a connection whose key is wrapped by an ended key, and the claim stays") { bench in
            _ = try await bench.store.retireKey("wrap-1", at: Bench.start)
            try await bench.accept(.job("a", .one, .connect))
            let claim = try await bench.claimOne()
            await bench.expect(.keyRetired, "a connection under such a key") {
                try await bench.finish(claim, .connectionEstablished, changes: .connecting(wrappedBy: "wrap-1"))
            }
            #expect(try await bench.state(.one).connection == nil)
            try await bench.finish(claim, .connectionEstablished, changes: .connecting(wrappedBy: "wrap-2"))
            #expect(try await bench.store.keyUses() == ["wrap-2": KeyUse(credentials: 1)])
        },

        Behaviour("does not redrive a job that is sealed under an ended key") { bench in
            try await bench.giveUp("a", sealedUnder: "job-1")
            let letter = try #require(try await bench.store.letters(.all, after: 0, limit: 1).first)
            _ = try await bench.store.retireKey("job-2", at: Bench.start)
            guard case .job(let copy) = IntakeItem.job("copy", sealedUnder: "job-2").content else {
                Issue.record("It is not a job.")
                return
            }
            await bench.expect(.keyRetired, "a copy under such a key") {
                _ = try await bench.store.redrive(letter: letter.id, as: copy, by: .systemUser(0), at: Bench.start)
            }
            #expect(try await bench.store.letters(.all, after: 0, limit: 1).first?.copy == nil)
        },

        Behaviour("wraps nothing under an ended key") { bench in
            try await bench.connect(.one, wrappedBy: "wrap-1")
            _ = try await bench.store.retireKey("wrap-2", at: Bench.start)
            await bench.expect(.keyRetired, "a key under such a one") { _ = try await bench.rewrap(after: nil, limit: 100) }
            #expect(try await bench.store.keyUses() == ["wrap-1": KeyUse(credentials: 1)])
        },
    ]
}

extension Bench {
    fileprivate func connect(_ lane: Lane, wrappedBy key: String) async throws {
        try await run("connect-\(lane.tenant)-\(key)", lane, .connect, ending: .connectionEstablished, changes: .connecting(wrappedBy: key))
    }

    /// Wraps everything by `wrap-2`.
    fileprivate func rewrap(after lane: Lane?, limit: Int) async throws -> RewrapStep {
        try await store.rewrapKeys(after: lane, limit: limit) { _, wrapped in
            SealedForm.keyID(of: wrapped) == "wrap-2" ? nil : SealedForm.front(keyID: "wrap-2", capacity: 0)
        }
    }

    /// Accepts a job, and gives up on it.
    fileprivate func giveUp(_ id: String, sealedUnder key: String) async throws {
        try await accept(.job(id, .two, sealedUnder: key))
        let claim = try #require(try await claim().claims.first { $0.job.id.description == id })
        try await finish(claim, .syncFailed, givenUp: GivenUp(.attemptsSpent, JobError(.autotaskUnavailable)))
    }
}

extension LaneChanges {
    fileprivate static func connecting(wrappedBy key: String) -> LaneChanges {
        var record = ConnectionRecord.of(database: 7)
        record.wrappedKey = SealedForm.front(keyID: key, capacity: 0)
        return LaneChanges(connection: .set(record), replacesCredentialsKey: true)
    }
}

extension IntakeItem {
    fileprivate static func job(_ id: String, _ lane: Lane = .one, sealedUnder key: String) -> IntakeItem {
        var item = IntakeItem.job(id, lane)
        guard case .job(var job) = item.content else { return item }
        job.sealedPayload = SealedForm.front(keyID: key, capacity: 0) + [9, 9]
        item.content = .job(job)
        return item
    }
}
