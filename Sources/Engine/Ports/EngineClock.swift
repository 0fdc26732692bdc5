package import Contract

/// The time, as the engine sees it; tests and simulations bring their own.
package protocol EngineClock: Sendable {
    var now: Timestamp { get }

    /// Returns at the moment, or at once when the calling task is cancelled.
    func sleep(until moment: Timestamp) async
}

/// Randomness, as the engine sees it; tests and simulations bring their own.
package protocol Entropy: Sendable {
    /// A new event's id: a UUID.
    func eventID() -> String

    /// Uniform in `0..<1`.
    func fraction() -> Double
}
