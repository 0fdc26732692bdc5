import Contract
import SQLiteStore
import Store
import Synchronization
import Testing

@testable import Engine

extension EngineFlowTests {
    @Test func `a job of an idle lane begins in the transaction that accepts it`() async throws {
        let begun = Mutex<[String]>([])
        try await withEngine(afterAccepting: { claims in begun.withLock { $0 += claims.map(\.job.id.description) } }) { store in
            door.deliver(delivery("billing-codes", id: "job-1"), delivery("billing-codes", id: "job-2", tenant: "msp-2"))
            let events = await results.published { $0.count == 2 }
            #expect(Set(events.map(\.event.errorCode)) == ["not_connected"])
            await clock.untilIdle()
            #expect(begun.withLock { $0 } == ["job-1", "job-2"])
            #expect(door.acknowledged == [1])
            let lanes = try await store.lanes(.all, after: nil, limit: 9).lanes
            #expect(lanes.map(\.waitingJobs) == [0, 0])
            // The lanes are free again.
            door.deliver(delivery("billing-codes", id: "job-3"))
            _ = await results.published { $0.count == 3 }
            #expect(begun.withLock { $0.last } == "job-3")
        }
    }

    @Test func `jobs wait in their lanes while there are too few slots for their batch`() async throws {
        var settings = EngineSettings()
        settings.concurrentLanes = 1
        let begun = Mutex(0)
        try await withEngine(settings: settings, afterAccepting: { claims in begun.withLock { $0 += claims.count } }) { _ in
            door.deliver(delivery("billing-codes", id: "job-1"), delivery("billing-codes", id: "job-2", tenant: "msp-2"))
            _ = await results.published { $0.count == 2 }
            #expect(begun.withLock { $0 } == 0)
        }
    }

    @Test func `a batch that the store refuses keeps no slot`() async throws {
        var settings = EngineSettings()
        settings.concurrentLanes = 1
        let begun = Mutex(0)
        let refusals = Mutex(3)
        try await withEngine(
            settings: settings,
            beforeAccepting: { _ throws(StoreError) in
                let isRefused = refusals.withLock { left in
                    left -= 1
                    return left >= 0
                }
                if isRefused { throw StoreError(.unavailable, "The disk is full.") }
            },
            afterAccepting: { claims in begun.withLock { $0 += claims.count } }
        ) { _ in
            door.deliver(delivery("billing-codes", id: "job-1"))
            while refusals.withLock({ $0 }) >= 0 { await clock.advanceToNextSleeper() }
            _ = await results.published { $0.count == 1 }
            #expect(begun.withLock { $0 } == 1)
        }
    }
}
