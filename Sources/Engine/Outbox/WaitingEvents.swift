import Contract
import Store

/// The events that wait to be published: those in memory, in the order in which they leave, and whether the store holds more.
///
/// The events of a lane are published in order. When the broker refuses one, only its lane (the tenant's integration of one product) is
/// held back: see ``RefusedLane``. This includes events without a `sequence`, since the same queue would refuse them.
///
/// When the broker closes the channel, the events that were under way are published one by one, so that each answer of the broker is about
/// one event. Each is published at most twice, for any number of events over which the broker closes the channel.
struct WaitingEvents {
    /// The events to publish now.
    struct Batch {
        var entries: [OutboxEntry] = []
        /// Whether nothing else may be under way, because the broker may close the channel over it.
        var isAlone = false
    }

    /// The result of the broker's answers to a batch.
    struct BatchResult {
        /// The positions of events that can be forgotten.
        var confirmed: [Int64] = []
        /// The number of events that got no answer; any other event would get none either.
        var unanswered = 0
        /// The number of events to publish one by one next, because the broker closed the channel over one of them.
        var suspected = 0
        /// Why the broker takes no event at all, if it gave a reason.
        var trouble: String?
        /// Lanes that are held back from now on.
        var held: [Lane] = []
        /// Lanes whose events the broker takes again.
        var released: [Lane] = []
    }

    /// The events offered and forgotten while the store is read.
    private struct Reading {
        /// Events that were offered; the pages read may or may not hold them.
        var offered: [OutboxEntry] = []
        /// The bytes of their data.
        var bytes = 0
        /// Positions that were forgotten; the pages read may still hold them.
        var forgotten: [Int64] = []
    }

    /// The maximum number of events in a batch.
    private static let batchSize = 512
    /// The maximum number of bytes of data in a batch of more than one event.
    private static let batchBytes = 8 << 20
    /// The maximum number of refused events that are tried again with a batch.
    private static let trialsAtOnce = 64
    /// The maximum number of events in memory, and of bytes of their data; further ones wait in the store. Each lane that is held back keeps
    /// one more event. One event is kept however long it is.
    private static let memoryLimit = (events: 20_000, bytes: 64 << 20)

    /// Events of lanes that are not held back.
    private var waiting: [OutboxEntry] = []
    /// The bytes of data of ``waiting``.
    private var waitingBytes = 0
    /// The events that were under way when the broker closed the channel, in order. No other event is published before them.
    private var suspects: [OutboxEntry] = []
    /// Whether the last batch was one refused event that was tried again alone: then the others are next.
    private var wasLoneTrial = false
    /// Positions of events that wait, are being published or are not forgotten yet, so that reading the store adds no event twice.
    private var known: Set<Int64> = []
    private var refused: [Lane: RefusedLane] = [:]
    /// Lanes whose next event the store holds back (``OutboxEntry/isHeld``), by its position. Later events of the lane wait too.
    private var stored: [Lane: Int64] = [:]
    /// The last pauses of lanes whose events the broker takes again.
    private var pauses: [Lane: RefusedLane.Pause] = [:]
    private var reading: Reading?
    /// Whether the store holds events of lanes that are not held back and that are not in memory. As long as it does, new events stay in
    /// the store as well: they would overtake those.
    private(set) var mustRead = true

    /// Whether there is nothing to publish except refused events.
    var isEmpty: Bool { waiting.isEmpty && suspects.isEmpty }

    /// Whether the broker closed the channel, and it is not known yet over which event.
    var isSearching: Bool { !suspects.isEmpty }

    /// Lanes that are held back, the longest first.
    var held: [(lane: Lane, by: RefusedLane)] { refused.map { ($0, $1) }.sorted { $0.by.since < $1.by.since } }

    func isHeld(_ lane: Lane) -> Bool { refused[lane] != nil }

    /// When the next refused event is to be tried again.
    var nextTrial: Timestamp? { refused.values.map(\.pause.end).min() }

    // MARK: Incoming events

    /// Takes events that were just stored.
    mutating func offer(_ entries: [OutboxEntry]) {
        guard !mustRead else { return }
        guard reading == nil else {
            reading?.offered += entries
            reading?.bytes += entries.bytes
            if let reading, reading.offered.count > WaitingEvents.memoryLimit.events || reading.bytes > WaitingEvents.memoryLimit.bytes {
                mustRead = true
            }
            return
        }
        _ = take(entries)
    }

    /// Notes that the store holds events that were not offered.
    mutating func readStore() { mustRead = true }

    mutating func beginReading() {
        reading = Reading()
        mustRead = false
        // Reading the store shows held events again.
        stored = [:]
    }

    /// Takes events from the store or from the transaction that stored them, as many as there is room for.
    ///
    /// - Returns: whether there was room for all.
    mutating func take(_ entries: [OutboxEntry]) -> Bool {
        for entry in entries where !known.contains(entry.position) {
            if waitsInStore(entry) {
                continue
            } else if refused[entry.lane] != nil {
                refused[entry.lane]?.hasMore = true
            } else if waiting.count < WaitingEvents.memoryLimit.events,
                waiting.isEmpty || waitingBytes + entry.bytes <= WaitingEvents.memoryLimit.bytes
            {
                known.insert(entry.position)
                waiting.append(entry)
                waitingBytes += entry.bytes
            } else {
                mustRead = true
                return false
            }
        }
        return true
    }

    /// Whether an event waits for work that the store still has to do.
    private mutating func waitsInStore(_ entry: OutboxEntry) -> Bool {
        if entry.isHeld {
            stored[entry.lane] = min(stored[entry.lane] ?? entry.position, entry.position)
            return true
        }
        guard let first = stored[entry.lane], first <= entry.position else { return false }
        guard first == entry.position else { return true }
        // It may be published now; the events after it are in the store.
        stored[entry.lane] = nil
        mustRead = true
        return false
    }

    mutating func endReading() {
        guard let reading else { return }
        self.reading = nil
        offer(reading.offered)
        known.subtract(reading.forgotten)
    }

    // MARK: Outgoing events

    /// Removes and returns the events to publish now.
    ///
    /// - Parameter isTrying: whether refused events that are due are tried again.
    mutating func nextBatch(at now: Timestamp, isTrying: Bool) -> Batch {
        if !suspects.isEmpty { return Batch(entries: [suspects.removeFirst()], isAlone: true) }
        let due = isTrying ? refused.values.filter { $0.pause.end <= now } : []
        let trials = due.sorted { ($0.pause.end, $0.first.position) < ($1.pause.end, $1.first.position) }
        let lone = trials.first { $0.refusal.isClosing }
        if let lone, !wasLoneTrial || waiting.isEmpty {
            wasLoneTrial = true
            return Batch(entries: [lone.first], isAlone: true)
        }
        wasLoneTrial = false
        let harmless = WaitingEvents.few(trials.lazy.filter { !$0.refusal.isClosing }.map(\.first), limit: WaitingEvents.trialsAtOnce)
        let batch = WaitingEvents.few(waiting, limit: WaitingEvents.batchSize)
        waiting.removeFirst(batch.count)
        waitingBytes -= batch.bytes
        return Batch(entries: harmless + batch)
    }

    /// Returns the first events: at most `limit`, and no more data than ``batchBytes`` unless the first has more.
    private static func few(_ entries: some Sequence<OutboxEntry>, limit: Int) -> [OutboxEntry] {
        var bytes = 0
        return Array(
            entries.prefix(limit).prefix { entry in
                defer { bytes += entry.bytes }
                return bytes == 0 || bytes + entry.bytes <= batchBytes
            }
        )
    }

    /// Takes the broker's answers to a batch.
    mutating func settle(_ batch: Batch, _ answers: [BrokerAnswer], at now: Timestamp) -> BatchResult {
        var settlement = BatchResult()
        var unanswered: [OutboxEntry] = []
        var suspected: [OutboxEntry] = []
        let refusals = Dictionary(
            zip(batch.entries, answers).compactMap { entry, answer in answer.refusal.map { (entry.lane, $0) } },
            uniquingKeysWith: { first, _ in first }
        )
        for (entry, answer) in zip(batch.entries, answers) {
            let lane = entry.lane
            let isTrial = refused[lane]?.first.position == entry.position
            if case .unavailable(let reason) = answer { settlement.trouble = reason }
            if answer == .confirmed {
                settlement.confirmed.append(entry.position)
                guard isTrial else { continue }
                release(lane, at: now)
                settlement.released.append(lane)
            } else if isTrial {
                if let refusal = answer.refusal {
                    refused[lane]?.refuse(refusal, at: now)
                } else if answer == .suspected, !batch.isAlone {
                    // From now on it is published alone.
                    refused[lane]?.refuse(.closing(reason: "It was under way when RabbitMQ closed the channel."), at: now)
                } else {
                    settlement.unanswered += 1
                }
            } else if refused[lane] != nil {
                leave(entry)
            } else if let refusal = refusals[lane] {
                refused[lane] = RefusedLane(first: entry, refusal, after: pauses[lane], at: now)
                settlement.held.append(lane)
            } else if answer == .suspected {
                suspected.append(entry)
            } else {
                unanswered.append(entry)
            }
        }
        // An event that was published alone and is still suspected shared the channel with another.
        if batch.isAlone {
            settlement.unanswered += suspected.count + unanswered.count
            suspects.insert(contentsOf: suspected + unanswered, at: 0)
        } else {
            // An event that did not reach the channel met only a temporary obstacle.
            if suspected.isEmpty { settlement.unanswered += unanswered.count }
            suspects += suspected
            waiting.insert(contentsOf: unanswered, at: 0)
            waitingBytes += unanswered.bytes
        }
        settlement.suspected = suspected.count
        if !settlement.held.isEmpty {
            for entry in suspects + waiting where refused[entry.lane] != nil { leave(entry) }
            suspects.removeAll { refused[$0.lane] != nil }
            waiting.removeAll { refused[$0.lane] != nil }
            waitingBytes = waiting.bytes
        }
        return settlement
    }

    /// Notes that the store has forgotten confirmed events.
    mutating func forget(_ positions: [Int64]) {
        if reading == nil { known.subtract(positions) } else { reading?.forgotten += positions }
    }

    /// Leaves an event of a lane that is held back to the store.
    private mutating func leave(_ entry: OutboxEntry) {
        known.remove(entry.position)
        refused[entry.lane]?.hasMore = true
    }

    private mutating func release(_ lane: Lane, at now: Timestamp) {
        guard let held = refused.removeValue(forKey: lane) else { return }
        if held.hasMore { mustRead = true }
        pauses = pauses.filter { $0.value.isRecent(at: now) }
        pauses[lane] = held.pause
    }
}

extension OutboxEntry {
    fileprivate var lane: Lane { event.event.lane }
    /// The length of its data.
    fileprivate var bytes: Int { event.event.data.count }
}

extension Sequence where Element == OutboxEntry {
    /// The bytes of the events' data.
    fileprivate var bytes: Int { reduce(0) { $0 + $1.bytes } }
}

extension BrokerAnswer {
    /// How the broker refused this event; `nil` if it did not.
    fileprivate var refusal: RefusedLane.Refusal? {
        switch self {
        case .refused: .answer
        case .closed(let reason): .closing(reason: reason)
        case .confirmed, .suspected, .unavailable, .missing: nil
        }
    }
}
