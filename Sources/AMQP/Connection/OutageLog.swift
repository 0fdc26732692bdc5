/// Limits what is logged about an outage: its first failure, each other kind of failure, and otherwise one line a minute.
struct OutageLog {
    private static let interval: Duration = .seconds(60)

    private var last: (reason: String, at: ContinuousClock.Instant)?
    private var failures = 0

    /// An attempt to connect failed, or the connection ended.
    ///
    /// - Returns: how many failures a line reports: those since the last line; `nil` for no line.
    mutating func failed(_ reason: String, at now: ContinuousClock.Instant) -> Int? {
        failures += 1
        if let last, last.reason == reason, now - last.at < OutageLog.interval { return nil }
        last = (reason, now)
        defer { failures = 0 }
        return failures
    }

    /// There is a connection: the next failure begins another outage.
    mutating func ended() { self = OutageLog() }
}
