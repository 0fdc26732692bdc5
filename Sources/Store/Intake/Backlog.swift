/// The unfinished jobs of a store, without scheduled checks. Intake stops where they reach a limit.
package struct Backlog: Hashable, Sendable {
    /// How many times the limit of other jobs is that of jobs which pauses hold. A long pause does not stop intake for all, and yet no pause
    /// fills the disk: a store holds at most five times the limit, and some jobs of the last batch.
    package static let heldFactor = 4

    /// Jobs that no pause holds.
    package var waiting: Int
    /// Jobs that a pause holds.
    package var held: Int

    package init(waiting: Int, held: Int) {
        self.waiting = waiting
        self.held = held
    }

    package var total: Int { waiting + held }

    /// Whether jobs that no pause holds reach a limit, or held ones ``heldFactor`` times the limit.
    package func reaches(_ limit: Int) -> Bool { waiting >= limit || held / Backlog.heldFactor >= limit }

    /// Whether neither number exceeds its limit.
    package func isWithin(_ limit: Int) -> Bool { waiting <= limit && held <= Backlog.heldShare(of: limit) }

    /// The limit for held jobs that belongs to one for other jobs.
    package static func heldShare(of limit: Int) -> Int { min(limit, .max / heldFactor) * heldFactor }
}
