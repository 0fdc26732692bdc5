/// Holds a command's long work on a store to a share of a core and of the disk, so that the workers beside it are not delayed.
///
/// The work is done in steps of some milliseconds, and rests three times as long after each: it takes a quarter of a core.
package enum Pace {
    /// Of time: rest to work.
    private static let ratio = 3
    /// However long a step takes.
    package static let longestRest: Duration = .milliseconds(500)

    /// The rest that is due after so much work.
    package static func rest(after work: Duration) -> Duration { min(work * ratio, longestRest) }
}
