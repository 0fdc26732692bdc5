import Contract
import Store
import Testing

@testable import Engine

struct WaitingEventsTests {
    private let start = Timestamp("2026-11-22T08:00:00Z")!
    private let bench = Bench()

    private func entries(_ positions: ClosedRange<Int64>, of tenant: Int) -> [OutboxEntry] {
        positions.map { position in
            let event = Event(
                id: "event-\(position)",
                type: .jobRejected,
                lane: Lane(tenant: TenantID("msp-\(tenant)")!, product: .workplace),
                jobID: nil,
                time: start,
                traceparent: nil,
                encodedData: []
            )
            return OutboxEntry(position: position, event: OrderedEvent(event: event, epoch: 1, sequence: position))
        }
    }

    @Test func `events behind more refused ones than fit in memory are still read`() {
        let store = entries(1...50_000, of: 1) + entries(50_001...50_002, of: 2)
        bench.read(store)
        #expect(bench.publish(at: start) { $0.position == 2 ? .refused : .confirmed }.count == 512)
        #expect(bench.events.isEmpty && bench.events.mustRead)
        // All are forgotten by now except the refused one.
        bench.read([store[1]] + store[512...])
        #expect(bench.publish(at: start) == [50_001, 50_002])
        #expect(!bench.events.mustRead)
        #expect(bench.publish(at: start + .milliseconds(500)) == [2])
        #expect(bench.events.mustRead)
        bench.read(Array(store[512...]))
        #expect(bench.publish(at: start + .milliseconds(500)) == Array(513...1024))
    }

    @Test func `an event that arrives while the store holds earlier ones does not overtake them`() {
        // At the start.
        bench.events.offer(entries(3...3, of: 1))
        bench.read(entries(1...3, of: 1))
        #expect(bench.publish(at: start) == [1, 2, 3])
        // More events came than fit in memory, and some have left.
        let many = entries(4...20_010, of: 1)
        bench.events.offer(many)
        _ = bench.publish(at: start)
        bench.events.offer(entries(20_011...20_011, of: 1))
        while !bench.events.isEmpty { _ = bench.publish(at: start) }
        bench.read(Array(many.suffix(7)) + entries(20_011...20_011, of: 1))
        #expect(bench.publish(at: start) == Array(20_004...20_011))
    }

    @Test func `an event that comes and goes while the store is read leaves once`() {
        let first = entries(1...2, of: 1)
        bench.read(first)
        let batch = bench.events.nextBatch(at: start, isTrying: true)
        let confirmed = bench.events.settle(batch, batch.entries.map { _ in .confirmed }, at: start).confirmed
        bench.events.beginReading()
        // The store is read; then it forgets an event, and takes another.
        bench.events.forget(confirmed)
        bench.events.offer(entries(3...4, of: 1))
        let hasRoom = bench.events.take(first + entries(3...3, of: 1))
        #expect(hasRoom)
        bench.events.endReading()
        #expect(bench.publish(at: start) == [3, 4])
    }

    @Test func `the first unconfirmed event of a lane is the one that is retried`() {
        bench.read(entries(1...4, of: 1))
        let answers: [Int64: BrokerAnswer] = [1: .confirmed, 2: .missing, 3: .refused, 4: .confirmed]
        _ = bench.publish(at: start) { answers[$0.position] ?? .missing }
        #expect(bench.publish(at: start).isEmpty)
        #expect(bench.publish(at: start + .milliseconds(500)) == [2])
        bench.read(entries(3...3, of: 1))
        #expect(bench.publish(at: start + .milliseconds(500)) == [3])
    }

    @Test func `without an answer a refused event is retried with the others`() {
        bench.read(entries(1...1, of: 1))
        _ = bench.publish(at: start) { _ in .refused }
        for _ in 1...3 { #expect(bench.publish(at: start + .milliseconds(500)) { _ in .missing } == [1]) }
        let last = bench.events.nextBatch(at: start + .milliseconds(500), isTrying: false)
        #expect(last.entries.isEmpty)
    }

    @Test func `after a close each suspect leaves alone, and only the culprit's lane is held`() {
        bench.read(entries(1...3, of: 1) + entries(4...6, of: 2) + entries(7...9, of: 3))
        #expect(bench.publish(at: start) { $0.position == 1 ? .confirmed : $0.position > 7 ? .missing : .suspected } == Array(1...9))
        var alone: [Int64] = []
        while bench.events.isSearching {
            alone += bench.publish(at: start) { $0.position == 4 ? .closed(reason: "403") : .confirmed }
        }
        // Those behind the culprit stay in the store.
        #expect(alone == [2, 3, 4, 7])
        #expect(bench.events.held.map(\.lane.tenant.description) == ["msp-2"])
        #expect(bench.publish(at: start) == [8, 9])
        // It is tried alone, and the others have their turn in between.
        bench.events.offer(entries(10...11, of: 3))
        let moment = start + .seconds(60)
        #expect(bench.publish(at: moment) { _ in .closed(reason: "403") } == [4])
        #expect(bench.publish(at: moment + .seconds(60)) == [10, 11])
        bench.events.offer(entries(12...12, of: 3))
        #expect(bench.publish(at: moment + .seconds(60)) == [4])
        #expect(bench.events.mustRead && bench.events.held.isEmpty)
    }

    @Test func `however many culprits there are, no other event leaves more than twice`() {
        let lanes = (1...60).flatMap { entries(Int64($0 * 10)...Int64($0 * 10 + 3), of: $0) }
        bench.read(lanes)
        var counts: [Int64: Int] = [:]
        func isCulprit(_ entry: OutboxEntry) -> Bool { entry.position / 10 % 3 == 0 }
        for step in 0..<2000 where !bench.events.isEmpty || step < 5 {
            let batch = bench.events.nextBatch(at: start + .milliseconds(step), isTrying: true)
            for entry in batch.entries { counts[entry.position, default: 0] += 1 }
            let closes = batch.entries.contains(where: isCulprit)
            let answers = batch.entries.map { entry -> BrokerAnswer in
                if !closes { .confirmed } else if batch.entries.count == 1 { .closed(reason: "406") } else { .suspected }
            }
            bench.events.forget(bench.events.settle(batch, answers, at: start + .milliseconds(step)).confirmed)
        }
        #expect(bench.events.isEmpty && bench.events.held.count == 20)
        #expect(counts.filter { $0.key / 10 % 3 != 0 }.values.allSatisfy { $0 <= 2 })
        #expect(counts.count == 60 * 4)
    }

    @Test func `a refused event in flight when the channel is closed is tried alone from then on`() {
        bench.read(entries(1...1, of: 1))
        _ = bench.publish(at: start) { _ in .refused }
        bench.events.offer(entries(2...3, of: 2))
        let moment = start + .seconds(1)
        #expect(bench.publish(at: moment) { _ in .suspected } == [1, 2, 3])
        #expect([bench.publish(at: moment), bench.publish(at: moment)] == [[2], [3]])
        bench.events.offer(entries(4...4, of: 2))
        #expect(bench.publish(at: moment + .seconds(30)) { _ in .closed(reason: "403") } == [1])
        #expect(bench.publish(at: moment + .seconds(30)) == [4])
    }

    @Test func `large events leave a few at a time`() {
        let large = (1...40).map { position -> OutboxEntry in
            var entry = entries(Int64(position)...Int64(position), of: position)[0]
            entry.event.event.data = Array(repeating: 32, count: 1 << 20)
            return entry
        }
        bench.read(large)
        var sizes: [Int] = []
        while !bench.events.isEmpty { sizes.append(bench.publish(at: start).count) }
        #expect(sizes == [8, 8, 8, 8, 8])
    }

    @Test func `events whose data is longer than the memory for them wait in the store`() {
        let data = [UInt8](repeating: 32, count: 1 << 20)
        let large = (1...200).map { position -> OutboxEntry in
            var entry = entries(Int64(position)...Int64(position), of: 1)[0]
            entry.event.event.data = data
            return entry
        }
        bench.read([])
        for entry in large { bench.events.offer([entry]) }
        #expect(bench.events.mustRead)
        var published: [Int64] = []
        while !bench.events.isEmpty { published += bench.publish(at: start) }
        #expect(published == Array(1...64))
        while published.count < 200, bench.events.mustRead {
            bench.read(Array(large[published.count...]))
            while !bench.events.isEmpty { published += bench.publish(at: start) }
        }
        #expect(published == Array(1...200) && !bench.events.mustRead)
    }

    @Test func `many refused lanes leave room for the others`() {
        bench.read((1...600).flatMap { entries(Int64($0)...Int64($0), of: $0) })
        while !bench.events.isEmpty { _ = bench.publish(at: start) { _ in .refused } }
        bench.events.offer(entries(1001...1001, of: 1001))
        let moment = start + .milliseconds(500)
        let batch = bench.publish(at: moment) { $0.position == 1001 ? .confirmed : .refused }
        #expect(batch.last == 1001 && batch.count == 65)
        // Each has its turn.
        var tried = Set(batch.dropLast())
        while let next = bench.events.nextTrial, next <= moment { tried.formUnion(bench.publish(at: moment) { _ in .refused }) }
        #expect(tried == Set(1...600))
    }
}

/// Handles the events as the outbox does.
private final class Bench {
    var events = WaitingEvents()

    /// Reads the events of a store.
    func read(_ entries: [OutboxEntry]) {
        events.beginReading()
        var pages = entries[...]
        while !pages.isEmpty, events.take(Array(pages.prefix(4096))) { pages = pages.dropFirst(4096) }
        events.endReading()
    }

    /// Publishes one batch.
    ///
    /// - Returns: its positions.
    func publish(at moment: Timestamp, answer: (OutboxEntry) -> BrokerAnswer = { _ in .confirmed }) -> [Int64] {
        let batch = events.nextBatch(at: moment, isTrying: true)
        events.forget(events.settle(batch, batch.entries.map(answer), at: moment).confirmed)
        return batch.entries.map(\.position)
    }
}
