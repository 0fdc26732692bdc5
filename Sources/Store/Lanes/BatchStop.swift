/// Why a batch stops before its next write (``LaneEffects/journal(_:notes:under:at:)``).
package enum BatchStop: Hashable, Sendable {
    /// A reset waits for the lane.
    case reset
    /// A pause holds the job.
    case pause
}
