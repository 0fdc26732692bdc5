import Contract
import SQLiteStore
import Store
import StoreConformance
import Testing
import Vault

@testable import Engine

/// Operations over dead letters.
extension EngineFlowTests {
    /// Records jobs that the broker gave up on, each of its own tenant.
    private func record(_ count: Int, in store: SQLiteStore, sealedBy other: Vault? = nil) async throws {
        let data: JSON = ["planId": "p", "services": [["key": "a", "type": "License"]]]
        let letters = (1...count).map { number in
            let (lane, job) = (Lane(tenant: TenantID("msp-\(number)")!, product: .workplace), JobID("sync-\(number)")!)
            let message = DeadMessage(
                sha256: [7],
                size: 12,
                queue: "autotask.jobs",
                routingKey: "sync.\(lane.tenant)",
                job: UndeliveredJob(publishedAt: clock.now),
                death: "death-\(number)"
            )
            let letter = DeadLetter(
                at: clock.now,
                cause: FailureCause(reason: "delivery_limit", kind: .sync),
                detail: "RabbitMQ gave up on it.",
                tenant: lane.tenant,
                product: lane.product,
                jobID: job,
                publisher: "portal",
                content: .message(message)
            )
            return CollectedLetter(letter, sealedPayload: (other ?? vault).sealPayload(data.encoded[...], job: job, lane: lane))
        }
        #expect(try await store.record(letters) == count)
    }

    private func order(_ action: LetterOperationOrder.Action, _ count: Int, rate: Double, in store: SQLiteStore) async throws -> Int64 {
        let order = LetterOperationOrder(action, .all, upTo: Int64(count), matched: count, rate: rate)
        return try #require(try await store.begin(order, by: .systemUser(0), at: clock.now)).id
    }

    /// Lets time pass until the operation is in a state.
    ///
    /// - Returns: the operation, and when it was found so.
    private func pass(
        in store: SQLiteStore,
        until isSo: (LetterOperation) -> Bool
    ) async throws -> (operation: LetterOperation, at: Timestamp) {
        while true {
            let operation = try #require(try await store.operations(before: .max, limit: 1).first)
            if isSo(operation) { return (operation, clock.now) }
            await clock.advanceToNextSleeper()
        }
    }

    @Test func `a worker redrives dead letters in the background, at the rate of the operation and each once`() async throws {
        try await withEngine { store in
            try await record(5, in: store)
            let ordered = clock.now
            _ = try await order(.redrive, 5, rate: 2, in: store)
            let first = try await pass(in: store) { $0.tally.done > 0 }
            #expect(first.operation.tally.done == 2 && first.at <= ordered + WorkerLease.renewal)
            let second = try await pass(in: store) { $0.tally.done > 2 }
            #expect(second.operation.tally.done == 4 && second.at - first.at >= .seconds(1) && second.at - first.at < .seconds(2))
            let last = try await pass(in: store) { $0.endedAt != nil }
            #expect(last.operation.tally.done == 5 && last.operation.state == .ended && last.at - second.at >= .seconds(1))
            let events = await results.published { $0.count >= 5 }
            #expect(events.compactMap(\.event.jobID?.description).sorted() == (1...5).map { "sync-\($0)" })
            #expect(events.allSatisfy { $0.event.errorCode == "not_connected" })
        }
    }

    @Test func `a worker stops an operation that is cancelled, and begins with the next`() async throws {
        try await withEngine { store in
            try await record(3, in: store)
            let id = try await order(.purge, 3, rate: 0.5, in: store)
            let first = try await pass(in: store) { $0.tally.done == 1 }
            _ = try await store.cancelOperation(id, by: .systemUser(0), at: clock.now)
            while clock.now < first.at + .seconds(30) { await clock.advanceToNextSleeper() }
            #expect(try await store.operation(id)?.tally.done == 1)
            #expect(try await store.deadLetters().map(\.jobID) == [JobID("sync-2"), JobID("sync-3")])
            _ = try await order(.purge, 3, rate: 100, in: store)
            let last = try await pass(in: store) { $0.endedAt != nil }
            #expect(last.operation.tally.done == 2)
            #expect(try await store.deadLetters().isEmpty)
        }
    }

    @Test func `dead letters that cannot be redriven are counted by their reason, and delay nothing`() async throws {
        let other = Vault(KeyRing.generate(at: clock.now))
        try await withEngine(vault: other) { store in
            try await record(3, in: store)
            _ = try await order(.redrive, 3, rate: 0.1, in: store)
            let (begun, ended) = (clock.now, try await pass(in: store) { $0.endedAt != nil })
            #expect(ended.operation.tally.failures == ["unopenable": 3] && ended.operation.tally.done == 0)
            #expect(ended.at <= begun + WorkerLease.renewal)
        }
    }

    @Test func `dead letters under a key that another process has just added are redriven`() async throws {
        let rotated = keyRing.rotated(Set(KeyRing.Use.allCases), at: clock.now)
        try await withEngine(vault: Vault(keyRing, source: RingOnDisk(ring: rotated))) { store in
            try await record(2, in: store, sealedBy: Vault(rotated))
            _ = try await order(.redrive, 2, rate: 10, in: store)
            let ended = try await pass(in: store) { $0.endedAt != nil }
            #expect(ended.operation.tally.done == 2 && ended.operation.tally.failures.isEmpty)
        }
    }
}
