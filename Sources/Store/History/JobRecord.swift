package import Contract

/// Everything that the store knows about a job, for `sync show`.
package struct JobRecord: Sendable {
    package enum State: Sendable {
        /// The job is in line, or waits until a time.
        case waiting(notBefore: Timestamp?)
        case running
        /// The job ended with its terminal event. The event's ``Event/data`` is empty once it is erased.
        case ended(at: Timestamp, OrderedEvent)
    }

    package var lane: Lane
    package var id: JobID
    /// `nil` for a refused job.
    package var kind: JobKind?
    /// The broker user that published it.
    package var publisher: String?
    /// The job that it is a copy of.
    package var redriveOf: JobID?
    package var acceptedAt: Timestamp
    package var state: State
    /// Attempts begun and not interrupted.
    package var attempts: Int
    /// Attempts during which the worker died.
    package var interruptions: Int
    /// How often it was held up because Autotask did not work; no attempt is counted.
    package var heldUp: Int
    /// Calls to Autotask in attempts that have ended.
    package var apiCalls: Int
    /// See ``Completion/asked``; `nil` before the first attempt has ended, and once it is erased.
    package var asked: [UInt8]?
    /// Attempts that have ended, in order; empty once they are erased.
    package var made: [Attempt]
    /// Whether the store's record of the attempts is unreadable: ``made`` is then empty.
    package var isHistoryDamaged: Bool

    package init(
        lane: Lane,
        id: JobID,
        kind: JobKind?,
        publisher: String?,
        redriveOf: JobID?,
        acceptedAt: Timestamp,
        state: State,
        attempts: Int,
        interruptions: Int,
        heldUp: Int,
        apiCalls: Int,
        asked: [UInt8]?,
        made: [Attempt],
        isHistoryDamaged: Bool = false
    ) {
        self.lane = lane
        self.id = id
        self.kind = kind
        self.publisher = publisher
        self.redriveOf = redriveOf
        self.acceptedAt = acceptedAt
        self.state = state
        self.attempts = attempts
        self.interruptions = interruptions
        self.heldUp = heldUp
        self.apiCalls = apiCalls
        self.asked = asked
        self.made = made
        self.isHistoryDamaged = isHistoryDamaged
    }
}
