import Contract
import Store
import Testing

extension Behaviour {
    static let effects: [Behaviour] = [
        Behaviour("a job's changes are visible to the next, and anything else stays") { bench in
            let connection = ConnectionRecord.of(database: 5)
            let refused = RefusedCredentials(digest: [1], at: Bench.start, code: .credentialsInvalid)
            let codes = CachedBillingCodes(readAt: Bench.start, codes: [1, 2])
            try await bench.run(
                "a",
                changes: LaneChanges(
                    connection: .set(connection),
                    refusedCredentials: .remember(refused),
                    billingCodes: .set(codes),
                    becomesEligible: true,
                    becomesEnabled: true,
                    bindings: [.of("license"), .of("storage", id: nil, status: .error)],
                    journal: [.of("storage", .sent)]
                )
            )
            try await bench.run("b")
            let state = try await bench.state()
            #expect(state.connection == connection)
            #expect(state.refusedCredentials == [refused])
            #expect(state.billingCodes == codes)
            #expect(state.isEligible && state.isEnabled)
            #expect(Set(state.bindings) == [.of("license"), .of("storage", id: nil, status: .error)])
            #expect(state.openWrites == [.of("storage", .sent)])
        },
        Behaviour("removed values are gone, and set values are replaced") { bench in
            let refused = RefusedCredentials(digest: [1], at: Bench.start, code: .credentialsInvalid)
            try await bench.run(
                "a",
                changes: LaneChanges(
                    connection: .set(.of(database: 5)),
                    refusedCredentials: .remember(refused),
                    billingCodes: .set(CachedBillingCodes(readAt: Bench.start, codes: [1]))
                )
            )
            var lost = ConnectionRecord.of(database: 6, username: "it…@demo.example")
            lost.status = .credentialsRejected
            lost.capabilities.costVisible = true
            lost.wrappedKey = [9]
            let changes = LaneChanges(connection: .set(lost), replacesCredentialsKey: true, refusedCredentials: .forget(digest: [1]))
            try await bench.run("b", changes: changes)
            #expect(try await bench.state().connection == lost)
            #expect(try await bench.state().refusedCredentials.isEmpty)
            #expect(try await bench.state().billingCodes?.codes == [1])
            try await bench.run("c", changes: LaneChanges(connection: .remove, billingCodes: .remove))
            #expect(try await bench.state().connection == nil)
            #expect(try await bench.state().billingCodes == nil)
        },
        Behaviour("the latest refused credentials are remembered, each once") { bench in
            func refused(_ digest: UInt8, at seconds: Int) -> RefusedCredentials {
                RefusedCredentials(digest: [digest], at: bench.time(seconds), code: .credentialsInvalid)
            }
            // The second is refused again after the third, and one more comes than are remembered.
            let limit = UInt8(RefusedCredentials.limit)
            for (number, digest) in ([1, 2, 3, 2] + Array(4...limit + 1)).enumerated() {
                let changes = LaneChanges(refusedCredentials: .remember(refused(digest, at: number)))
                try await bench.run("job-\(number)", changes: changes)
            }
            let latest = [refused(3, at: 2), refused(2, at: 3)] + (4...limit + 1).map { refused($0, at: Int($0)) }
            #expect(try await bench.state().refusedCredentials == latest && latest.count == RefusedCredentials.limit)
            try await bench.run("accepted", changes: LaneChanges(refusedCredentials: .forget(digest: [4])))
            #expect(try await bench.state().refusedCredentials == latest.filter { $0.digest != [4] })
        },
        Behaviour("a reset keeps refusals of the last ten minutes, and no older ones") { bench in
            for (digest, seconds) in [(UInt8(1), -601), (2, -600), (3, 0)] {
                let refused = RefusedCredentials(digest: [digest], at: bench.time(seconds), code: .credentialsInvalid)
                try await bench.run("job-\(digest)", changes: LaneChanges(refusedCredentials: .remember(refused)))
            }
            try await bench.run("r", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            #expect(try await bench.state().refusedCredentials.map(\.digest) == [[2], [3]])
        },
        Behaviour("bindings are inserted, replaced and retired by plan and key") { bench in
            try await bench.run(
                "a",
                changes: LaneChanges(bindings: [.of("license"), .of("storage"), .of("license", id: 77, plan: "plan-2")])
            )
            try await bench.run(
                "b",
                changes: LaneChanges(bindings: [.of("license", id: 13)], retired: [(planID: "plan-1", serviceKey: "storage")])
            )
            #expect(Set(try await bench.state().bindings) == [.of("license", id: 13), .of("license", id: 77, plan: "plan-2")])
        },
        Behaviour("bindings and journal of another database are removed before the new ones are written") { bench in
            try await bench.run("a", changes: LaneChanges(bindings: [.of("license"), .of("storage")], journal: [.of("license", .sent)]))
            try await bench.run(
                "b",
                .one,
                .connect,
                ending: .connectionEstablished,
                changes: LaneChanges(removesBindings: true, bindings: [.of("license", id: 1)], journal: [.of("storage", .sent)])
            )
            #expect(try await bench.state().bindings == [.of("license", id: 1)])
            #expect(try await bench.state().openWrites == [.of("storage", .sent)])
        },
        Behaviour("the highest revision that ran is remembered") { bench in
            try await bench.run("a", changes: LaneChanges(ranRevision: (planID: "plan-1", revision: 9)))
            try await bench.run("b", changes: LaneChanges(ranRevision: (planID: "plan-1", revision: 8)))
            try await bench.run("c", changes: LaneChanges(ranRevision: (planID: "plan-2", revision: 1)))
            #expect(try await bench.revisions(of: ["plan-1", "plan-2", "plan-3"]) == ["plan-1": 9, "plan-2": 1])
        },
        Behaviour("changes by a deferred job are kept too") { bench in
            try await bench.accept(.job("a", plan: "plan-1"))
            let claim = try await bench.claimOne()
            let changes = LaneChanges(bindings: [.of("license")], journal: [.of("storage", .confirmed, id: 4)])
            let events = [bench.event(.connectionLost, lane: .one, job: nil), bench.event(.jobDeferred, for: claim)]
            _ = try await bench.store.complete(
                claim.token,
                with: Completion(.deferred(until: bench.time(1)), events: events, changes: changes),
                at: Bench.start
            )
            let state = try await bench.claimOne(at: bench.time(1)).state
            #expect(state.bindings == [.of("license")] && state.openWrites == [.of("storage", .confirmed, id: 4)])
        },
        Behaviour("a lane's job changes no other lane") { bench in
            try await bench.accept(.job("b", .two), .job("f", .of("msp-1", .fileProtection)))
            try await bench.run("a", changes: LaneChanges(connection: .set(.of(database: 5)), bindings: [.of("license")]))
            for lane in [Lane.two, .of("msp-1", .fileProtection)] {
                let state = try await bench.state(lane)
                #expect(state.connection == nil && state.bindings.isEmpty)
            }
        },
    ]

    static let resets: [Behaviour] = [
        Behaviour("a reset erases the lane, and begins a new epoch after its own event") { bench in
            try await bench.fill(.one)
            try await bench.accept(.job("r", .one, .reset))
            let claim = try await bench.claimOne()
            let last = try await bench.state().epoch
            let entries = try await bench.finish(claim, .integrationReset, changes: LaneChanges(resets: true))
            #expect(entries.epochs == [last] && entries.sequences == [2])
            let state = try await bench.state()
            #expect(state.epoch == last + 1)
            #expect(state.isEligible && !state.isEnabled)
            #expect(state.connection == nil && state.billingCodes == nil && state.refusedCredentials.map(\.at) == [Bench.start])
            #expect(state.bindings.isEmpty && state.openWrites.isEmpty && state.unsettledSince == Bench.start)
            let next = try await bench.run("next")
            #expect(next.epochs == [last + 1] && next.sequences == [1])
        },
        Behaviour("a reset affects neither the tenant's other product nor another tenant") { bench in
            let others: [Lane] = [.two, .of("msp-1", .fileProtection)]
            var events: [Lane: OrderedEvent] = [:]
            for lane in others { events[lane] = try await bench.fill(lane).first?.event }
            try await bench.fill(.one)
            try await bench.run("r", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            for lane in others {
                let state = try await bench.state(lane)
                #expect(state.epoch == 1 && state.connection != nil && !state.bindings.isEmpty && state.isEnabled)
                let replay = try await bench.accept(.job("fill-\(lane.product.rawValue)", lane))
                #expect(replay.events.map(\.event) == [events[lane]])
            }
        },
        Behaviour("jobs accepted after the reset still wait, in the new epoch") { bench in
            try await bench.accept(.job("r", .one, .reset), .job("a"))
            try await bench.finish(try await bench.claimOne(), .integrationReset, changes: LaneChanges(resets: true))
            let claim = try await bench.claimOne()
            #expect(claim.job.id == JobID("a") && claim.state.epoch == 2 && claim.sealedPayload == Array("sealed a".utf8))
            #expect(try await bench.finish(claim).epochs == [2])
        },
        Behaviour("an erased journal leaves behind when the last unresolved write was sent") { bench in
            try await bench.expectUnsettled(.one, .reset)
            try await bench.expectUnsettled(.two, .connect)
        },
        Behaviour("events that were not published before the reset are still published") { bench in
            let before = try await bench.run("a")
            let reset = try await bench.run("r", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            #expect(try await bench.unpublished().map(\.event) == (before + reset).map(\.event))
        },
        Behaviour("a revision belongs to its epoch: a reset ends it") { bench in
            try await bench.run("a", changes: LaneChanges(ranRevision: (planID: "plan-1", revision: 9)))
            try await bench.run("b", .two, changes: LaneChanges(ranRevision: (planID: "plan-1", revision: 8)))
            try await bench.run("r", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            #expect(try await bench.revisions(of: ["plan-1"]).isEmpty)
            #expect(try await bench.revisions(of: ["plan-1"], .two) == ["plan-1": 8])
        },
        Behaviour("after a reset the lane has no place at a database") { bench in
            try await bench.connect([.one, .two], database: 5)
            try await bench.run("r", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true))
            try await bench.accept(.job("b", .two), .job("a"))
            #expect(try await bench.claim(perDatabase: 1).jobs == ["b", "a"])
        },
    ]
}

extension Bench {
    /// The revisions in the next decision about jobs of these plans.
    fileprivate func revisions(of plans: [String], _ lane: Lane = .one) async throws -> [String: Int64] {
        let revisions = Revisions()
        for plan in plans { try await accept(.job("look-\(plan)", lane, plan: plan, revision: 1)) }
        _ = try await claim { snapshot in
            if snapshot.lane == lane { revisions.value = snapshot.revisions }
            return LaneDecision(next: .wait(until: nil))
        }
        return revisions.value.filter { plans.contains($0.key) }
    }

    fileprivate func expectUnsettled(_ lane: Lane, _ kind: JobKind) async throws {
        func erase(_ id: String) async throws {
            let isReset = kind == .reset
            let changes = LaneChanges(removesBindings: !isReset, resets: isReset)
            try await run(id, lane, kind, ending: isReset ? .integrationReset : .connectionEstablished, changes: changes)
        }
        func entry(_ key: String, _ operation: JournalEntry.Operation, _ state: JournalEntry.State, at second: Int) -> JournalEntry {
            var entry = JournalEntry.of(key, state, operation: operation)
            entry.at = time(second)
            return entry
        }
        try await run(
            "a-\(lane.tenant)",
            lane,
            changes: LaneChanges(
                journal: [
                    entry("a", .create, .sent, at: 100), entry("b", .update, .sent, at: 300), entry("c", .create, .confirmed, at: 400),
                    entry("d", .update, .intended, at: 500),
                ]
            )
        )
        try await erase("first-\(lane.tenant)")
        #expect(try await state(lane).unsettledSince == time(300))
        try await run("b-\(lane.tenant)", lane, changes: LaneChanges(journal: [entry("a", .update, .sent, at: 200)]))
        try await erase("second-\(lane.tenant)")
        #expect(try await state(lane).unsettledSince == time(300))
        try await run("c-\(lane.tenant)", lane, changes: LaneChanges(becomesSettled: true))
        #expect(try await state(lane).unsettledSince == nil)
        try await erase("third-\(lane.tenant)")
        #expect(try await state(lane).unsettledSince == nil)
    }

    /// Gives a lane every possible state.
    @discardableResult
    fileprivate func fill(_ lane: Lane) async throws -> [OutboxEntry] {
        try await run(
            "fill-\(lane.product.rawValue)",
            lane,
            changes: LaneChanges(
                connection: .set(.of(database: 5)),
                refusedCredentials: .remember(RefusedCredentials(digest: [1], at: Bench.start, code: .credentialsInvalid)),
                billingCodes: .set(CachedBillingCodes(readAt: Bench.start, codes: [1])),
                becomesEligible: true,
                becomesEnabled: true,
                bindings: [.of("license")],
                journal: [.of("license", .sent)]
            )
        )
    }
}

private final class Revisions: @unchecked Sendable {
    // Unchecked: set by one call that has returned before it is read.
    var value: [String: Int64] = [:]
}
