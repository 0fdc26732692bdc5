/// The wait before the next attempt. It is exponential with full jitter, so that many workers do not return to a broker in step.
struct Backoff: Sendable {
    /// The maximum of the first wait.
    private let base: Duration
    /// The maximum of every wait: a repaired connection is noticed within it.
    private let ceiling: Duration

    private var failures = 0

    init(base: Duration = .milliseconds(100), ceiling: Duration = .seconds(5)) {
        self.base = base
        self.ceiling = ceiling
    }

    /// The next wait, given a random number in 0..<1.
    mutating func next(random: Double = .random(in: 0..<1)) -> Duration {
        // Doubling stops when the ceiling is certainly reached, long before the factor overflows.
        let bound = min(base * (1 << min(failures, 20)), ceiling)
        failures += 1
        return bound * random
    }

    /// Resets the backoff after a success: the next failure counts as the first.
    mutating func reset() { failures = 0 }
}
