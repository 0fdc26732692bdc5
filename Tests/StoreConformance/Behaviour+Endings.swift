import Contract
import Store
import Testing

extension Behaviour {
    static let fencing: [Behaviour] = [
        Behaviour("no call succeeds under a claim that has ended") { bench in
            try await bench.accept(.job("a"), .job("b"))
            let old = try await bench.claimOne()
            try await bench.finish(old)
            await bench.expectRefused(old)
            let new = try await bench.claimOne()
            #expect(new.token.fence > old.token.fence)
            await bench.expectRefused(old)
            try await bench.finish(new)
        },
        Behaviour("no call succeeds under the claim of a worker that was taken for dead") { bench in
            try await bench.accept(.job("a"))
            let old = try await bench.claimOne()
            let other = WorkerID("worker-2")
            _ = try await bench.store.join(other, until: bench.time(60), at: bench.time(16))
            await bench.expectRefused(old)
            let new = try await bench.claimOne(by: other, at: bench.time(16))
            await bench.expectRefused(old)
            try await bench.finish(new, at: bench.time(17))
        },
        Behaviour("a forged claim is refused") { bench in
            try await bench.accept(.job("a"), .job("b"))
            let claim = try await bench.claimOne()
            var forged = Array(repeating: claim.token, count: 4)
            forged[0].fence += 1
            forged[1].worker = WorkerID("worker-2")
            forged[2].order += 1
            forged[3].lane = .two
            for token in forged {
                let forgery = LaneClaim(
                    token: token,
                    job: claim.job,
                    sealedPayload: claim.sealedPayload,
                    mode: claim.mode,
                    state: claim.state
                )
                await bench.expectRefused(forgery)
            }
            try await bench.finish(claim)
        },
        Behaviour("a refused call leaves nothing behind") { bench in
            try await bench.accept(.job("a"), .job("b"))
            let old = try await bench.claimOne()
            try await bench.finish(old)
            let count = try await bench.unpublished().count
            let entry = JournalEntry.of("license", .sent)
            await bench.expectFenced("journal") { _ = try await bench.store.journal([entry], under: old.token, at: Bench.start) }
            let changes = LaneChanges(connection: .set(.of(database: 5)), becomesEnabled: true, bindings: [.of("license")])
            await bench.expectFenced("complete") { try await bench.finish(old, changes: changes) }
            let state = try await bench.state()
            #expect(state.openWrites.isEmpty && state.connection == nil && state.bindings.isEmpty && !state.isEnabled)
            #expect(try await bench.unpublished().count == count)
        },
    ]

    static let journal: [Behaviour] = [
        Behaviour("the journal keeps the last entry of each service until it is verified") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            func record(_ entries: JournalEntry...) async throws {
                #expect(try await bench.store.journal(entries, under: claim.token, at: Bench.start) == nil)
            }
            try await record(.of("license", .intended), .of("storage", .intended))
            try await record(.of("license", .sent))
            try await record(.of("license", .confirmed, id: 12), .of("storage", .sent))
            #expect(try await bench.state().openWrites == [.of("license", .confirmed, id: 12), .of("storage", .sent)])
            try await record(.of("license", .verified, id: 12))
            var answered = JournalEntry.of("storage", .sent)
            answered.answer = "0123456789abcdef"
            try await record(answered)
            #expect(try await bench.state().openWrites == [answered])
        },
        Behaviour("a job has written once a write was sent, and stays so") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            _ = try await bench.store.journal([.of("license", .intended)], under: claim.token, at: Bench.start)
            #expect(try await bench.store.lane(.one)?.unfinished.first?.hasWritten == false)
            _ = try await bench.store.journal([.of("license", .sent)], under: claim.token, at: Bench.start)
            #expect(try await bench.store.lane(.one)?.unfinished.first?.hasWritten == true)
            let deferred = Completion(.deferred(until: bench.time(1)), events: [bench.event(.jobDeferred, for: claim)])
            _ = try await bench.store.complete(claim.token, with: deferred, at: Bench.start)
            #expect(try await bench.claimOne(at: bench.time(1)).job.hasWritten)
        },
        Behaviour("a sent update also counts as written, and does not affect other jobs") { bench in
            try await bench.accept(.job("a"), .job("b"))
            let claim = try await bench.claimOne()
            _ = try await bench.store.journal([.of("license", .sent, operation: .update)], under: claim.token, at: Bench.start)
            #expect(try await bench.store.lane(.one)?.unfinished.map(\.hasWritten) == [true, false])
        },
        Behaviour("the journal says whether a reset waits for the lane") { bench in
            try await bench.accept(.job("a"), .job("b", .two))
            let claims = try await bench.claim().claims
            try await bench.accept(.job("a2"), .job("a3", .one, .connect), .job("r2", .of("msp-1", .fileProtection), .reset))
            #expect(try await bench.store.journal([.of("license", .intended)], under: claims[0].token, at: Bench.start) == nil)
            try await bench.accept(.job("r", .one, .reset))
            #expect(try await bench.store.journal([.of("license", .sent)], under: claims[0].token, at: Bench.start) == .reset)
            #expect(try await bench.store.journal([], under: claims[0].token, at: Bench.start) == .reset)
            #expect(try await bench.store.journal([.of("license", .sent)], under: claims[1].token, at: Bench.start) == nil)
        },
        Behaviour("a running reset does not count as waiting") { bench in
            try await bench.accept(.job("r", .one, .reset))
            #expect(try await bench.store.journal([], under: try await bench.claimOne().token, at: Bench.start) == nil)
        },
    ]

    static let endings: [Behaviour] = [
        Behaviour("a finished job leaves, and the next one of its lane can be claimed") { bench in
            try await bench.accept(.job("a"), .job("b"))
            let claim = try await bench.claimOne()
            #expect(try await bench.claim().claims.isEmpty)
            let entries = try await bench.finish(claim)
            #expect(entries.types == [.syncSucceeded] && entries.sequences == [1])
            #expect(try await bench.unfinished() == ["b"])
            #expect(try await bench.claimOne().job.id == JobID("b"))
        },
        Behaviour("a deferred job is tried again at its time, and the attempt counts") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            let completion = Completion(.deferred(until: bench.time(10)), events: [bench.event(.jobDeferred, for: claim)], apiCalls: 3)
            let entries = try await bench.store.complete(claim.token, with: completion, at: Bench.start)
            #expect(entries.types == [.jobDeferred] && entries.sequences == [1])
            let early = try await bench.claimDue(at: bench.time(9))
            #expect(early.claims.isEmpty && early.nextWake == bench.time(10))
            #expect(try await bench.store.lane(.one)?.unfinished.first?.notBefore == bench.time(10))
            let again = try await bench.claimOne(at: bench.time(10))
            #expect(again.job.attempts == 2 && again.job.apiCalls == 3 && again.job.interruptions == 0 && again.dueSince == bench.time(10))
            #expect(again.sealedPayload == claim.sealedPayload)
        },
        Behaviour("a job that was held up is tried again at its time, and the attempt does not count") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            let deferred = bench.event(.jobDeferred, for: claim)
            let completion = Completion(.deferred(until: bench.time(10), counts: false), events: [deferred], apiCalls: 3)
            _ = try await bench.store.complete(claim.token, with: completion, at: Bench.start)
            #expect(try await bench.claimDue(at: bench.time(9)).claims.isEmpty)
            let again = try await bench.claimOne(at: bench.time(10))
            #expect(again.job.attempts == 1 && again.job.apiCalls == 3)
        },
        Behaviour("a postponed job can be claimed at once, as if it had not begun") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            let completion = Completion(.postponed, events: [], apiCalls: 2)
            #expect(try await bench.store.complete(claim.token, with: completion, at: Bench.start).isEmpty)
            let again = try await bench.claimOne()
            #expect(again.job.attempts == 1 && again.job.interruptions == 0 && again.job.apiCalls == 2)
        },
        Behaviour("while one job waits for its retry, the lane is offered for the others") { bench in
            try await bench.accept(.job("a"), .job("b"))
            let claim = try await bench.claimOne()
            let completion = Completion(.deferred(until: bench.time(10)), events: [bench.event(.jobDeferred, for: claim)])
            _ = try await bench.store.complete(claim.token, with: completion, at: Bench.start)
            #expect(try await bench.claimOne(at: bench.time(1)).job.id == JobID("b"))
        },
        Behaviour("an end without exactly one terminal event is refused, and the claim stays") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            let terminal = bench.event(.syncSucceeded, for: claim)
            let wrong: [Completion] = [
                Completion(.finished(nil), events: []),
                Completion(.finished(nil), events: [terminal, bench.event(.syncFailed, for: claim)]),
                Completion(.deferred(until: bench.time(1)), events: [terminal]),
                Completion(.postponed, events: [terminal]),
            ]
            for completion in wrong {
                let error = await #expect(throws: StoreError.self) {
                    _ = try await bench.store.complete(claim.token, with: completion, at: Bench.start)
                }
                #expect(error?.code == .unexpected)
            }
            #expect(try await bench.finish(claim).sequences == [1])
        },
    ]

    static let sequence: [Behaviour] = [
        Behaviour("a lane's events are numbered without a gap, whatever their cause") { bench in
            var entries = try await bench.accept(bench.refusal("r")).events
            try await bench.accept(.job("a"), .job("b"), .job("c"))
            entries += try await bench.accept(.job("a", digest: [2])).events
            let settled = try await bench.claim { snapshot in
                let event = bench.event(.jobSuperseded, lane: snapshot.lane, job: snapshot.jobs[0].id)
                return LaneDecision(
                    settlements: [.init(order: snapshot.jobs[0].order, event: event, code: .superseded)],
                    next: .run(order: snapshot.jobs[1].order, .work)
                )
            }
            entries += settled.events
            let claim = settled.claims[0]
            let deferred = Completion(.deferred(until: bench.time(1)), events: [bench.event(.jobDeferred, for: claim)])
            entries += try await bench.store.complete(claim.token, with: deferred, at: Bench.start)
            let again = try await bench.claimOne(at: bench.time(1))
            entries += try await bench.finish(
                again,
                after: [bench.event(.connectionLost, lane: .one, job: nil), bench.event(.integrationEnabled, lane: .one, job: nil)]
            )
            #expect(entries.sequences == [1, 2, 3, 4, 5, 6, 7])
            #expect(Set(entries.epochs) == [1])
            #expect(entries.map(\.position) == entries.map(\.position).sorted())
            #expect(try await bench.unpublished() == entries)
        },
        Behaviour("a best-effort event takes no number") { bench in
            try await bench.accept(.job("a"))
            let claim = try await bench.claimOne()
            let entries = try await bench.finish(
                claim,
                after: [bench.event(.syncStarted, for: claim), bench.event(.syncProgress, for: claim)]
            )
            #expect(entries.sequences == [nil, nil, 1])
        },
        Behaviour("each lane has its own numbers") { bench in
            try await bench.run("a")
            #expect(try await bench.run("b").sequences == [2])
            #expect(try await bench.run("c", .two).sequences == [1])
            #expect(try await bench.run("d", .of("msp-1", .fileProtection)).sequences == [1])
        },
    ]
}

extension JournalEntry {
    static func of(
        _ serviceKey: String,
        _ state: State,
        operation: Operation = .create,
        id: Int64? = nil,
        plan: String = "plan-1",
        at: Timestamp = Bench.start
    ) -> JournalEntry {
        JournalEntry(planID: plan, serviceKey: serviceKey, operation: operation, state: state, autotaskServiceID: id, at: at)
    }
}

extension ServiceBinding {
    static func of(_ serviceKey: String, id: Int64? = 12, status: ServiceStatus = .synced, plan: String = "plan-1") -> ServiceBinding {
        ServiceBinding(
            planID: plan,
            serviceKey: serviceKey,
            autotaskServiceID: id,
            status: status,
            lastSyncedAt: Bench.start,
            lastSynced: Array(#"{"name":"License"}"#.utf8),
            lastErrorCode: status == .error ? .remoteRejected : nil
        )
    }
}

extension Bench {
    /// Expects that a claim is refused everywhere.
    fileprivate func expectRefused(_ claim: LaneClaim) async {
        await expectFenced("journal") { _ = try await store.journal([.of("license", .intended)], under: claim.token, at: Bench.start) }
        await expectFenced("occupy") { _ = try await store.occupy(database: 5, under: claim.token, limit: 2, at: Bench.start) }
        await expectFenced("complete") { try await finish(claim) }
    }
}
