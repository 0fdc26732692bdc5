import Autotask
import Contract

/// How much of one Autotask database's hourly quota is used, by all and by this worker, and who has to wait for it. Pure: time is its caller's.
///
/// The usage by all is what Autotask told last, and the worker's own calls since. It is asked for only where that is worth a call, because the
/// question counts against the quota itself.
struct DatabaseQuota {
    /// The quota of a database that has not been asked for its own.
    static let usualLimit = 10_000
    /// A reading is renewed at most this often.
    static let readingInterval: Duration = .seconds(60)
    /// After so many calls of its own since the last reading, the worker asks anew. A first sync of the usual plan makes fewer.
    static let callsWorthReading = 10
    /// The time that the quota is meant for, in minutes.
    private static let hour: Int64 = 60

    enum Admission: Hashable, Sendable {
        case go
        /// Not before this moment.
        case wait(until: Timestamp)
    }

    /// What is known at some moment.
    struct Usage: Hashable, Sendable {
        var limit: Int
        /// Requests of all integrations; without a reading, the worker's own alone.
        var used: Int
        /// Those of this worker within the hour.
        var own: Int
        /// How many of its own this worker makes at most.
        var ownLimit: Int

        /// Whether so much of the quota is used.
        func reaches(percent: Int) -> Bool { used * 100 >= limit * percent }
    }

    /// In percent of the limit.
    private let share: Int
    /// The worker's own calls, by the minute since 1970: those with calls, the oldest first. Minutes that have left the hour are dropped.
    private var minutes: [(minute: Int64, calls: Int)] = []
    /// What Autotask told last, as long as it says something about now.
    private var reading: (threshold: RequestThreshold, at: Timestamp)?
    /// What was told of the limit holds on.
    private var limit = usualLimit
    private var askedAt: Timestamp?
    private var callsSinceReading = 0

    init(share: Int) { self.share = share }

    /// A call wants to be made. It is counted if it may.
    mutating func admit(_ priority: CallPriority, at now: Timestamp) -> Admission {
        let usage = usage(at: now)
        if usage.own >= (priority == .connect ? usage.limit : usage.ownLimit) {
            let oldest = minutes.first?.minute ?? now.minute
            return .wait(until: Timestamp(minute: oldest + DatabaseQuota.hour + 1))
        }
        if let band = priority.band, usage.reaches(percent: band) {
            // Then it may be asked for anew. A moment that is yet to come is of a clock that was set back.
            return .wait(until: max(min(askedAt ?? now, now) + DatabaseQuota.readingInterval, now + .seconds(1)))
        }
        count(at: now)
        return .go
    }

    /// Counts a call that is made whatever the usage.
    mutating func count(at now: Timestamp) {
        // A clock that was set back does not bring back a minute.
        let minute = max(now.minute, minutes.last?.minute ?? now.minute)
        if minutes.last?.minute == minute {
            minutes[minutes.count - 1].calls += 1
        } else {
            minutes.append((minute, 1))
        }
        callsSinceReading += 1
    }

    /// Whether to ask for the usage before a call. Who is told so asks: the next is not told so within ``readingInterval``.
    mutating func claimReading(for priority: CallPriority, at now: Timestamp) -> Bool {
        if let askedAt, now >= askedAt, now - askedAt < DatabaseQuota.readingInterval { return false }
        let usage = usage(at: now)
        guard let band = priority.band, usage.own < usage.ownLimit else { return false }
        let isWorthIt =
            priority == .scheduled || callsSinceReading >= DatabaseQuota.callsWorthReading
            // What waits goes on as soon as the usage has fallen.
            || usage.reaches(percent: band)
        if isWorthIt { askedAt = now }
        return isWorthIt
    }

    /// Takes what Autotask told.
    mutating func read(_ threshold: RequestThreshold, at now: Timestamp) {
        reading = (threshold, now)
        limit = threshold.limit
        askedAt = now
        callsSinceReading = 0
    }

    /// What Autotask told last, if that is not older than ``readingInterval``.
    func freshReading(at now: Timestamp) -> RequestThreshold? {
        reading.flatMap { now >= $0.at && now - $0.at < DatabaseQuota.readingInterval ? $0.threshold : nil }
    }

    mutating func usage(at now: Timestamp) -> Usage {
        forget(at: now)
        let own = minutes.reduce(0) { $0 + $1.calls }
        return Usage(
            limit: limit,
            used: reading.map { $0.threshold.used + callsSinceReading } ?? own,
            own: own,
            ownLimit: max(limit * share / 100, 1)
        )
    }

    /// Whether it need not be remembered: a new one would do the same.
    mutating func isAtRest(at now: Timestamp) -> Bool {
        forget(at: now)
        return minutes.isEmpty && reading == nil
    }

    /// Drops what is older than the quota's time. The minute under way is not over, so that sixty others stand beside it.
    private mutating func forget(at now: Timestamp) {
        minutes.removeAll { $0.minute < now.minute - DatabaseQuota.hour }
        if let read = reading, now - read.at >= read.threshold.timeframe { reading = nil }
    }
}

extension Timestamp {
    /// Whole minutes since 1970.
    fileprivate var minute: Int64 { secondsSinceEpoch / 60 }

    /// The beginning of a minute.
    fileprivate init(minute: Int64) { self.init(millisecondsSinceEpoch: minute * 60_000) }
}
