import FoundationEssentials

/// The requests to one database within a rolling hour, counted by the minute.
struct Quota: Sendable {
    static let minutes = 60

    var limit: Int
    private var counts = [Int](repeating: 0, count: Quota.minutes)
    private var minute = 0
    private var total = 0

    init(limit: Int) {
        self.limit = limit
    }

    mutating func count(at now: Date) {
        advance(to: now)
        counts[minute % Quota.minutes] += 1
        total += 1
    }

    mutating func used(at now: Date) -> Int {
        advance(to: now)
        return total
    }

    /// Sets the usage, as if that many requests had just been made.
    mutating func set(used: Int, at now: Date) {
        counts = [Int](repeating: 0, count: Quota.minutes)
        minute = Int(now.timeIntervalSince1970 / 60)
        counts[minute % Quota.minutes] = used
        total = used
    }

    /// The delay of each request (observed by peers): half a second from 50 %, a second from 75 %.
    mutating func delay(at now: Date) -> Duration {
        let used = used(at: now)
        if used * 4 >= limit * 3 { return .seconds(1) }
        if used * 2 >= limit { return .milliseconds(500) }
        return .zero
    }

    private mutating func advance(to now: Date) {
        let current = Int(now.timeIntervalSince1970 / 60)
        guard current > minute else { return }
        for passed in (minute + 1)...min(current, minute + Quota.minutes) {
            total -= counts[passed % Quota.minutes]
            counts[passed % Quota.minutes] = 0
        }
        minute = current
    }
}
