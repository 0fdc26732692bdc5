package import Contract

/// All that is known of a job: what `sync show` tells.
package struct JobRecord: Sendable {
    package enum State: Sendable {
        /// In line, or for a moment.
        case waiting(notBefore: Timestamp?)
        case running
        /// With its terminal event, whose ``Event/data`` is empty once it is erased.
        case ended(at: Timestamp, OrderedEvent)
    }

    package var lane: Lane
    package var id: JobID
    /// `nil` for what was refused.
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
    /// How often it was put off, uncounted, because Autotask did not work.
    package var heldUp: Int
    /// Calls made to Autotask in attempts that have ended.
    package var apiCalls: Int
    /// See ``Completion/asked``; `nil` before the first attempt has ended, and once it is erased.
    package var asked: [UInt8]?
    /// Attempts that have ended, in their order; none once they are erased.
    package var made: [Attempt]

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
        made: [Attempt]
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
    }
}
