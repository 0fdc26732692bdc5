import Contract
import Store
import Synchronization
import Testing

extension Behaviour {
    static let concurrency: [Behaviour] = [
        Behaviour("many tenants at once: every job runs once and in order, and every sequence is gapless") { bench in
            let (tenants, jobs) = (40, 6)
            // Portals, workers and the outbox run concurrently, and may share transactions.
            async let events = bench.work(until: tenants * jobs)
            try await withThrowingTaskGroup { group in
                for tenant in 0..<tenants {
                    group.addTask {
                        for job in 0..<jobs {
                            try await bench.accept(.job("job-\(job)", .of("tenant-\(tenant)")), .job("job-\(job)", .of("tenant-\(tenant)")))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let byLane = Dictionary(grouping: try await events, by: \.event.event.lane)
            #expect(byLane.count == tenants)
            for (lane, entries) in byLane {
                let ordered = entries.sorted { $0.position < $1.position }
                #expect(ordered.sequences == (1...Int64(jobs)).map { $0 }, "\(lane)")
                #expect(ordered.map(\.event.event.jobID) == (0..<jobs).map { JobID("job-\($0)") }, "\(lane)")
            }
            #expect(try await bench.unpublished().isEmpty)
            #expect(try await bench.store.lanes().allSatisfy { $0.waitingJobs == 0 })
        },
        Behaviour("events are handed over in the order of their positions, before the calls that stored them return") { bench in
            let witness = Witness()
            bench.store.observeEvents { entries in witness.entries.withLock { $0 += entries } }
            try await withThrowingTaskGroup { group in
                for tenant in 0..<50 {
                    group.addTask {
                        for job in 0..<4 {
                            let stored = try await bench.accept(bench.refusal("job-\(job)", .of("tenant-\(tenant)"))).events
                            let seen = witness.entries.withLock { Set($0) }
                            #expect(!stored.isEmpty && seen.isSuperset(of: stored))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let unpublished = try await bench.unpublished()
            #expect(witness.entries.withLock { $0 } == unpublished)
        },
        Behaviour("refused operations do not affect those beside them") { bench in
            try await bench.accept(.job("stale", .of("stale")))
            let stale = try await bench.claimOne()
            try await bench.finish(stale)
            try await withThrowingTaskGroup { group in
                for index in 0..<50 {
                    group.addTask { _ = try await bench.accept(.job("good", .of("tenant-\(index)"))) }
                    group.addTask { await bench.expectFenced("stale") { try await bench.finish(stale) } }
                }
                try await group.waitForAll()
            }
            #expect(try await bench.claim().claims.count == 50)
            #expect(try await bench.unpublished().count == 1)
        },
    ]
}

/// The observer of a store's events.
private final class Witness: Sendable {
    let entries = Mutex<[OutboxEntry]>([])
}

extension Bench {
    /// Claims, completes and forgets until `count` jobs have ended.
    ///
    /// - Returns: their events.
    fileprivate func work(until count: Int) async throws -> [OutboxEntry] {
        var events: [OutboxEntry] = []
        while events.count < count {
            let claims = try await claim(limit: 16).claims
            try await withThrowingTaskGroup(of: [OutboxEntry].self) { group in
                for claim in claims {
                    group.addTask {
                        _ = try await store.journal([.of("license", .sent)], under: claim.token, at: Bench.start)
                        let changes = LaneChanges(bindings: [.of("license")], journal: [.of("license", .verified)])
                        return try await finish(claim, changes: changes)
                    }
                }
                for try await entries in group {
                    try await store.forgetPublished(entries.map(\.position))
                    events += entries
                }
            }
        }
        return events
    }
}
