/// Limits a command's long work on a store to a share of a core and the disk, so that it does not delay workers.
///
/// The work runs in steps of a few milliseconds and rests three times as long after each. It takes a quarter of a core.
package enum Pace {
    /// The time of rest per time of work.
    private static let ratio = 3
    /// The longest rest, however long a step takes.
    package static let longestRest: Duration = .milliseconds(500)

    /// Returns the rest that is due after a step of work.
    package static func rest(after work: Duration) -> Duration { min(work * ratio, longestRest) }
}
