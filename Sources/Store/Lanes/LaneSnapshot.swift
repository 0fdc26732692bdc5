package import Contract

/// The unfinished jobs of a free lane, for the pure function that orders them.
package struct LaneSnapshot: Sendable {
    package var lane: Lane
    /// In the order of acceptance.
    package var jobs: [QueuedJob]
    /// By plan, the highest revision of a sync that ran.
    package var revisions: [String: Int64]

    package init(lane: Lane, jobs: [QueuedJob], revisions: [String: Int64]) {
        self.lane = lane
        self.jobs = jobs
        self.revisions = revisions
    }
}

/// An unfinished job, or one of the worker's own checks.
package struct QueuedJob: Hashable, Sendable {
    /// Its place: rises with every job that the store accepts.
    package var order: Int64
    package var id: JobID
    package var kind: JobKind
    package var planID: String?
    package var revision: Int64?
    package var acceptedAt: Timestamp
    package var expiry: Timestamp?
    package var traceparent: String?
    package var publisher: String?
    /// The job that it is a copy of, when it comes from a redriven dead letter.
    package var redriveOf: JobID?
    /// Not to be run before.
    package var notBefore: Timestamp?
    /// Attempts begun and not interrupted.
    package var attempts: Int
    /// Attempts during which the worker died.
    package var interruptions: Int
    /// How often it was put off, uncounted, because something stood in its way that is not its own.
    package var heldUp: Int
    /// When it has to end, well or not, because a person waits (``JobKind/isInteractive``): set when its first attempt begins. Time during which
    /// another job of its lane ran while it was due is added.
    package var deadline: Timestamp?
    /// What the last `job.deferred` said.
    package var lastDeferral: PublishedDeferral?
    /// Whether it has written to Autotask, or may have.
    package var hasWritten: Bool
    /// Calls made to Autotask in earlier attempts.
    package var apiCalls: Int
    /// Whether the store was brought back from a copy that held the job unfinished: what is older than the copy is not run any more.
    package var isFromBackup: Bool
    /// Whether it is a check that the worker makes by itself: no portal knows of it, so it ends without an event of its own.
    package var isScheduled: Bool

    package init(
        order: Int64,
        id: JobID,
        kind: JobKind,
        planID: String? = nil,
        revision: Int64? = nil,
        acceptedAt: Timestamp,
        expiry: Timestamp? = nil,
        traceparent: String? = nil,
        publisher: String? = nil,
        redriveOf: JobID? = nil,
        notBefore: Timestamp? = nil,
        attempts: Int = 0,
        interruptions: Int = 0,
        heldUp: Int = 0,
        deadline: Timestamp? = nil,
        lastDeferral: PublishedDeferral? = nil,
        hasWritten: Bool = false,
        apiCalls: Int = 0,
        isFromBackup: Bool = false,
        isScheduled: Bool = false
    ) {
        self.order = order
        self.id = id
        self.kind = kind
        self.planID = planID
        self.revision = revision
        self.acceptedAt = acceptedAt
        self.expiry = expiry
        self.traceparent = traceparent
        self.publisher = publisher
        self.redriveOf = redriveOf
        self.notBefore = notBefore
        self.attempts = attempts
        self.interruptions = interruptions
        self.heldUp = heldUp
        self.deadline = deadline
        self.lastDeferral = lastDeferral
        self.hasWritten = hasWritten
        self.apiCalls = apiCalls
        self.isFromBackup = isFromBackup
        self.isScheduled = isScheduled
    }

    /// Whether it was begun at all: what was begun does not expire.
    package var wasBegun: Bool { attempts > 0 || interruptions > 0 || hasWritten }
}

/// A `job.deferred` that was published: why, and by how long the job was put off.
package struct PublishedDeferral: Hashable, Sendable {
    package var code: ErrorCode
    package var delay: Duration

    package init(code: ErrorCode, delay: Duration) {
        self.code = code
        self.delay = delay
    }

    /// Whether it is worth an event after another one: the reason has changed, or the delay has grown tenfold. Delays of less than a second
    /// count as one.
    package func isNews(after last: PublishedDeferral?) -> Bool {
        guard let last, last.code == code else { return true }
        return delay >= max(last.delay, .seconds(1)) * 10
    }
}

/// What is to become of a lane's jobs.
package struct LaneDecision: Sendable {
    /// Jobs that end without being run.
    package struct Settlement: Sendable {
        package var order: Int64
        /// Terminal.
        package var event: Event
        /// Set when the job becomes a dead letter.
        package var givenUp: GivenUp?

        package init(order: Int64, event: Event, givenUp: GivenUp? = nil) {
            self.order = order
            self.event = event
            self.givenUp = givenUp
        }
    }

    package enum Next: Hashable, Sendable {
        case run(order: Int64, RunMode)
        /// Nothing can run before this moment; `nil`: before something new is accepted.
        case wait(until: Timestamp?)
    }

    package var settlements: [Settlement]
    /// Checks of the worker's own that are not made any more, by their places. Nobody is told.
    package var dropped: [Int64]
    package var next: Next

    package init(settlements: [Settlement] = [], dropped: [Int64] = [], next: Next) {
        self.settlements = settlements
        self.dropped = dropped
        self.next = next
    }
}
