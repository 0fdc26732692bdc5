import Autotask
import Contract
import Store

/// The usage of one Autotask database's hourly quota, by all integrations and by this worker. It decides which calls wait. Pure: the caller
/// supplies the time.
///
/// The usage by all is Autotask's last report plus the worker's own calls since. The worker asks for it only if that is worth a call,
/// because the query counts against the quota itself.
struct DatabaseQuota {
    /// The quota of a database that has not reported its own.
    static let usualLimit = 10_000
    /// A reading is renewed at most this often.
    static let readingInterval: Duration = .seconds(60)
    /// The number of its own calls since the last reading after which the worker asks again. A first sync of the usual plan makes fewer.
    static let callsWorthReading = 10
    /// The period of the quota, in minutes.
    private static let hour: Int64 = 60

    enum Admission: Hashable, Sendable {
        case go
        /// Not before this moment.
        case wait(until: Timestamp)
    }

    /// The usage as known at some moment.
    struct Usage: Hashable, Sendable {
        var limit: Int
        /// Requests of all integrations; without a reading, only the worker's own.
        var used: Int
        /// Requests of this worker within the hour.
        var own: Int
        /// The maximum number of this worker's requests within the hour.
        var ownLimit: Int

        /// Whether at least this percentage of the quota is used.
        func reaches(percent: Int) -> Bool { used * 100 >= limit * percent }

        /// The used share of the quota.
        var percent: Int { used * 100 / max(limit, 1) }

        /// Why calls of a priority wait; `nil` if they do not.
        func cause(for priority: CallPriority) -> CallBarrier.Cause? {
            if own >= (priority == .connect ? limit : ownLimit) { return .share }
            return priority.band.map { reaches(percent: $0) } ?? false ? .usage : nil
        }
    }

    /// The worker's share, in percent of the limit.
    var share: Int
    /// The worker's own calls in each minute since 1970 that has any, the oldest first. Minutes older than an hour are dropped.
    private var minutes: [(minute: Int64, calls: Int)] = []
    /// Autotask's last report, as long as it covers the present.
    private var reading: (threshold: RequestThreshold, at: Timestamp)?
    /// The limit of the last report, which stays valid.
    private var limit = usualLimit
    private var askedAt: Timestamp?
    private var callsSinceReading = 0
    /// The band at the last call of ``changeOfBand(at:)``.
    private var lastBand = QuotaBand.below50

    init(share: Int) { self.share = share }

    /// Decides whether a call may be made now, and counts it if so.
    mutating func admit(_ priority: CallPriority, at now: Timestamp) -> Admission {
        switch usage(at: now).cause(for: priority) {
        case nil:
            count(at: now)
            return .go
        case .share?:
            let oldest = minutes.first?.minute ?? now.minute
            return .wait(until: Timestamp(minute: oldest + DatabaseQuota.hour + 1))
        case .usage?, .outage?, .limit?:
            // Then the usage may be asked for again. A time in the future comes from a clock that was set back.
            return .wait(until: max(min(askedAt ?? now, now) + DatabaseQuota.readingInterval, now + .seconds(1)))
        }
    }

    /// Counts a call that is made regardless of the usage.
    mutating func count(at now: Timestamp) {
        // A clock that was set back must not reopen an earlier minute.
        let minute = max(now.minute, minutes.last?.minute ?? now.minute)
        if minutes.last?.minute == minute {
            minutes[minutes.count - 1].calls += 1
        } else {
            minutes.append((minute, 1))
        }
        callsSinceReading += 1
    }

    /// Takes back the count of a call for which Autotask refused the credentials. Anybody can name a database's API user, so such calls must not
    /// use up the share of the database's tenants.
    ///
    /// - Parameter moment: when the call was counted.
    mutating func uncount(at moment: Timestamp) {
        // With a clock that was set back, it was counted in a later minute.
        guard let index = minutes.firstIndex(where: { $0.minute >= moment.minute }) else { return }
        minutes[index].calls -= 1
        if minutes[index].calls == 0 { minutes.remove(at: index) }
        callsSinceReading = max(callsSinceReading - 1, 0)
    }

    /// Whether to ask for the usage before a call. A caller that gets `true` has to ask: no other gets it within ``readingInterval``.
    mutating func claimReading(for priority: CallPriority, at now: Timestamp) -> Bool {
        if let askedAt, now >= askedAt, now - askedAt < DatabaseQuota.readingInterval { return false }
        let usage = usage(at: now)
        guard let band = priority.band, usage.own < usage.ownLimit else { return false }
        let isWorthIt =
            priority == .scheduled || callsSinceReading >= DatabaseQuota.callsWorthReading
            // Waiting calls continue as soon as the usage has fallen.
            || usage.reaches(percent: band)
        if isWorthIt { askedAt = now }
        return isWorthIt
    }

    /// Takes Autotask's report.
    mutating func read(_ threshold: RequestThreshold, at now: Timestamp) {
        reading = (threshold, now)
        limit = threshold.limit
        askedAt = now
        callsSinceReading = 0
    }

    /// Autotask's last report, if it is not older than ``readingInterval``.
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

    /// The present usage, if it is in another band than at the last call.
    mutating func changeOfBand(at now: Timestamp) -> (band: QuotaBand, usage: Usage)? {
        let usage = usage(at: now)
        let band = QuotaBand(usage)
        guard band != lastBand else { return nil }
        lastBand = band
        return (band, usage)
    }

    /// Whether it can be discarded: a new one would behave the same.
    mutating func isAtRest(at now: Timestamp) -> Bool {
        forget(at: now)
        return minutes.isEmpty && reading == nil
    }

    /// Drops what is older than the quota's period. The current minute is not over, so sixty others are kept with it.
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
