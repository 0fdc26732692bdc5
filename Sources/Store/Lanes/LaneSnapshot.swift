package import Contract

/// The unfinished jobs of a free lane, for the pure function that orders them.
///
/// The cost of a claim does not depend on how many jobs wait in a lane. For a lane with more than ``limit`` a snapshot holds a window
/// (``isComplete`` is false): the oldest ``limit`` jobs that are due, those that have written and wait for a time, the newest reset and the
/// newest job of each other kind without a plan, of each plan in the window the job with the highest revision and the newest without one, and
/// jobs that have expired. These are at most ``maximumRows`` in all.
package struct LaneSnapshot: Sendable {
    /// A lane with no more unfinished jobs is seen as a whole.
    package static let limit = 64
    /// Rows of jobs that one decision about a lane may cost.
    package static let maximumRows = 200
    /// Jobs that a decision about a part of a lane ends, at most.
    package static let maximumEnded = 64

    package var lane: Lane
    /// In the order of acceptance.
    package var jobs: [QueuedJob]
    /// By plan, the highest revision of a sync that ran in this epoch. It names the plans of ``jobs``.
    package var revisions: [String: Int64]
    /// Whether ``jobs`` are all unfinished jobs of the lane.
    package var isComplete: Bool
    /// If ``isComplete`` is false: when the next job of the lane becomes due or expires.
    package var nextMoment: Timestamp?

    package init(
        lane: Lane,
        jobs: [QueuedJob],
        revisions: [String: Int64],
        isComplete: Bool = true,
        nextMoment: Timestamp? = nil
    ) {
        self.lane = lane
        self.jobs = jobs
        self.revisions = revisions
        self.isComplete = isComplete
        self.nextMoment = nextMoment
    }
}

/// A job that is about to be accepted in a lane where others wait, or overtook it.
package struct Arrival: Sendable {
    /// Of ``rivals`` with a revision, and of those without one: the store reads no more of each.
    package static let rivalLimit = 4
    /// The number of jobs, counted from the newest over all lanes, that the store looks through for ``overtakers``. A message falls behind those
    /// that were delivered with it: a few hundred.
    package static let overtakerReach: Int64 = 2000
    /// The number of ``overtakers`` that the store reads: the newest. A batch of 300 late jobs takes less than a second in its transaction.
    package static let overtakerLimit = 16

    package var lane: Lane
    package var job: QueuedJob
    /// Unfinished jobs of its kind and plan: those with the highest revisions, and the newest without one. None of a kind of which every job is
    /// answered.
    package var rivals: [QueuedJob]
    /// The job of the lane that runs, by its place.
    package var running: Int64?
    /// The highest revision of the plan that ran in this epoch.
    package var ranRevision: Int64?
    /// The newest unfinished reset of the lane, by its place.
    package var lastReset: Int64?
    /// Whether the lane holds as many unfinished jobs as it may.
    package var isLaneFull: Bool
    /// Of a job that the broker may have delivered late: the jobs of its lane that were requested after it and accepted before it, in the order of
    /// acceptance. They are resets or of its kind and plan, and wait, run, or have run: none that was superseded, abandoned, rejected or
    /// expired. Their standing is their own revision: what one took on since may be of jobs that are older than this one.
    package var overtakers: [QueuedJob]

    package init(
        lane: Lane,
        job: QueuedJob,
        rivals: [QueuedJob],
        running: Int64?,
        ranRevision: Int64?,
        lastReset: Int64?,
        isLaneFull: Bool,
        overtakers: [QueuedJob] = []
    ) {
        self.lane = lane
        self.job = job
        self.rivals = rivals
        self.running = running
        self.ranRevision = ranRevision
        self.lastReset = lastReset
        self.isLaneFull = isLaneFull
        self.overtakers = overtakers
    }
}

/// The jobs that an arrival ends, possibly itself.
package struct Admission: Sendable {
    package var settlements: [LaneDecision.Settlement]
    /// See ``LaneDecision/raised``.
    package var raised: [Int64: Int64]

    package init(settlements: [LaneDecision.Settlement] = [], raised: [Int64: Int64] = [:]) {
        self.settlements = settlements
        self.raised = raised
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
    /// The revision that counts when jobs of its plan are compared: its own, or if it has none the highest of those that it
    /// superseded.
    package var standing: Int64?
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
    /// How often it was deferred, without counting an attempt, for a reason outside the job.
    package var heldUp: Int
    /// When it has to end because a person waits (``JobKind/isInteractive``): set when its first attempt begins. Time during which
    /// another job of its lane ran while it was due is added.
    package var deadline: Timestamp?
    /// The content of the last `job.deferred`.
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
        standing: Int64? = nil,
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
        self.standing = standing ?? revision
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

    /// Whether it is certain to be answered no earlier than another one: it cannot expire while the other waits.
    package func outlives(_ other: QueuedJob) -> Bool {
        guard !wasBegun, let expiry else { return true }
        guard !other.wasBegun, let end = other.expiry else { return false }
        return end <= expiry
    }
}

extension JobKind {
    /// Whether a newer job replaces an older one that waits. Each request for billing codes gets its own answer.
    package var isReplaceable: Bool { self != .billingCodes }

    /// Whether jobs are compared within their plan: each plan's services have to arrive.
    package var hasPlan: Bool { self == .sync || self == .preview }

    /// Kinds without a plan of which the newest job may matter to every other job of a lane.
    package static let replaceableWithoutPlan: [JobKind] = allCases.filter { $0.isReplaceable && !$0.hasPlan }
}

/// A `job.deferred` that was published: why, and by how long the job was put off.
package struct PublishedDeferral: Hashable, Sendable {
    package var code: ErrorCode
    package var delay: Duration

    package init(code: ErrorCode, delay: Duration) {
        self.code = code
        self.delay = delay
    }

    /// Whether to publish it after another one: the reason has changed, or the delay has grown tenfold. Delays of less than a second
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
        /// The code of the event's error.
        package var code: ErrorCode
        /// Set when the job becomes a dead letter.
        package var givenUp: GivenUp?

        package init(order: Int64, event: Event, code: ErrorCode, givenUp: GivenUp? = nil) {
            self.order = order
            self.event = event
            self.code = code
            self.givenUp = givenUp
        }
    }

    package enum Next: Hashable, Sendable {
        case run(order: Int64, RunMode)
        /// Nothing can run before this moment; `nil`: before something new is accepted.
        case wait(until: Timestamp?)
        /// Jobs end first that must have ended before another runs: the lane goes to the end of the line.
        case again
    }

    package var settlements: [Settlement]
    /// Checks of the worker's own that are not made any more, by their places. Nobody is told.
    package var dropped: [Int64]
    package var next: Next
    /// By place, what ``QueuedJob/standing`` becomes of jobs that superseded one with a revision.
    package var raised: [Int64: Int64]
    /// A job that does not expire any more: others end in its favour.
    package var committed: Int64?

    package init(
        settlements: [Settlement] = [],
        dropped: [Int64] = [],
        next: Next,
        raised: [Int64: Int64] = [:],
        committed: Int64? = nil
    ) {
        self.settlements = settlements
        self.dropped = dropped
        self.next = next
        self.raised = raised
        self.committed = committed
    }
}
