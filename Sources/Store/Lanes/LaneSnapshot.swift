package import Contract

/// The unfinished jobs of a free lane, for the pure function that orders them.
///
/// The cost of a claim does not depend on how many jobs wait in a lane. For a lane with more than ``limit`` jobs, a snapshot holds a window
/// (``isComplete`` is false) of at most ``maximumRows`` jobs:
/// - the oldest ``limit`` due jobs
/// - jobs that have written and wait for a time
/// - the newest reset, and the newest job of each other kind without a plan
/// - for each plan in the window, the job with the highest revision and the newest job without a revision
/// - expired jobs
package struct LaneSnapshot: Sendable {
    /// A lane with at most this many unfinished jobs is shown completely.
    package static let limit = 64
    /// The maximum number of job rows that one decision about a lane reads.
    package static let maximumRows = 200
    /// The maximum number of jobs that a decision about a part of a lane ends.
    package static let maximumEnded = 64

    package var lane: Lane
    /// In the order of acceptance.
    package var jobs: [QueuedJob]
    /// By plan, the highest revision of a sync that ran in this epoch. It covers the plans of ``jobs``.
    package var revisions: [String: Int64]
    /// Whether ``jobs`` are all unfinished jobs of the lane.
    package var isComplete: Bool
    /// If ``isComplete`` is false: when the next job of the lane becomes due or expires.
    package var nextMoment: Timestamp?
    /// The pauses in force that concern the lane.
    package var pauses: [Pause] = []

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

/// A job that is about to be accepted in a lane where other jobs wait or overtook it.
package struct Arrival: Sendable {
    /// The maximum number of ``rivals`` with a revision that the store reads, and of those without one.
    package static let rivalLimit = 4
    /// The number of jobs, counted from the newest over all lanes, that the store looks through for ``overtakers``. A message falls behind those
    /// that were delivered with it: a few hundred.
    package static let overtakerReach: Int64 = 2000

    package var lane: Lane
    package var job: QueuedJob
    /// Unfinished jobs of its kind and plan: those with the highest revisions, and the newest without one. Empty for a kind of which every
    /// job is answered.
    package var rivals: [QueuedJob]
    /// The place of the lane's running job.
    package var running: Int64?
    /// The highest revision of the plan that ran in this epoch.
    package var ranRevision: Int64?
    /// The place of the lane's newest unfinished reset.
    package var lastReset: Int64?
    /// Whether the lane has reached its limit of unfinished jobs.
    package var isLaneFull: Bool
    /// The jobs of the lane that were requested after this one and accepted before it, in the order of acceptance; empty unless the broker may
    /// have delivered it late. They are resets, or of its kind and plan, and wait, run or have run. Superseded, abandoned, rejected and expired jobs are
    /// not among them. Their standing is their own revision: one that was raised may stem from jobs older than this one.
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

/// An unfinished job or scheduled check.
package struct QueuedJob: Hashable, Sendable {
    /// The job position: it rises with every job that the store accepts.
    package var order: Int64
    package var id: JobID
    package var kind: JobKind
    package var planID: String?
    package var revision: Int64?
    /// The revision for comparisons with jobs of its plan: its own, or if it has none, the highest of the jobs that it
    /// superseded.
    package var standing: Int64?
    package var acceptedAt: Timestamp
    package var expiry: Timestamp?
    package var traceparent: String?
    package var publisher: String?
    /// The job that it is a copy of, when it comes from a redriven dead letter.
    package var redriveOf: JobID?
    /// The job does not run before this time.
    package var notBefore: Timestamp?
    /// Attempts begun and not interrupted.
    package var attempts: Int
    /// Attempts during which the worker died.
    package var interruptions: Int
    /// How often it was deferred, without counting an attempt, for a reason outside the job.
    package var heldUp: Int
    /// When it must end because a person waits (``JobKind/isInteractive``). It is set when the first attempt begins. Time for which
    /// another job of the lane ran while this one was due is added.
    package var deadline: Timestamp?
    /// The content of the last `job.deferred`.
    package var lastDeferral: PublishedDeferral?
    /// Whether it has written, or may have written, to Autotask.
    package var hasWritten: Bool
    /// Calls to Autotask in earlier attempts.
    package var apiCalls: Int
    /// Whether the store was restored from a backup in which the job was unfinished. Such a job does not run any more.
    package var isFromBackup: Bool
    /// Whether it is a scheduled check. No portal requested it, so it ends without a terminal event.
    package var isScheduled: Bool
    /// The pause that holds it.
    package var pausedBy: JobPause?
    /// For how long pauses that have ended held it.
    package var pausedFor: Duration
    /// Whether an operator gave up on it: it ends without further work.
    package var isGivenUp: Bool

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
        isScheduled: Bool = false,
        pausedBy: JobPause? = nil,
        pausedFor: Duration = .zero,
        isGivenUp: Bool = false
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
        self.pausedBy = pausedBy
        self.pausedFor = pausedFor
        self.isGivenUp = isGivenUp
    }

    /// Whether it has begun. A job that has begun does not expire.
    package var wasBegun: Bool { attempts > 0 || interruptions > 0 || hasWritten }

    /// Whether it cannot expire before another job does.
    package func outlives(_ other: QueuedJob) -> Bool {
        guard !wasBegun, let expiry else { return true }
        guard !other.wasBegun, let end = other.expiry else { return false }
        return end <= expiry
    }
}

extension JobKind {
    /// Whether a newer job replaces an older one that waits. Each request for billing codes gets its own answer.
    package var isReplaceable: Bool { self != .billingCodes }

    /// Whether jobs are compared only within their plan, because each plan's services must arrive.
    package var hasPlan: Bool { self == .sync || self == .preview }

    /// Kinds without a plan whose newest job may affect every other job of a lane.
    package static let replaceableWithoutPlan: [JobKind] = allCases.filter { $0.isReplaceable && !$0.hasPlan }
}

/// A published `job.deferred`: its reason and its delay.
package struct PublishedDeferral: Hashable, Sendable {
    package var code: ErrorCode
    package var delay: Duration

    package init(code: ErrorCode, delay: Duration) {
        self.code = code
        self.delay = delay
    }

    /// Whether to publish it after another one: if the reason has changed, or the delay has grown tenfold. Delays below one second
    /// count as one second.
    package func isNews(after last: PublishedDeferral?) -> Bool {
        guard let last, last.code == code else { return true }
        return delay >= max(last.delay, .seconds(1)) * 10
    }
}

/// The decision about a lane's jobs.
package struct LaneDecision: Sendable {
    /// A job that ends without a run.
    package struct Settlement: Sendable {
        package var order: Int64
        /// The terminal event.
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
        /// No job can run before this time, or with `nil`, before a new job is accepted.
        case wait(until: Timestamp?)
        /// Some jobs must end before another can run: the lane goes to the end of the line.
        case again
        /// A job can run, but this call claims none for work: the lane keeps its place in line.
        case keep
    }

    package var settlements: [Settlement]
    /// The places of scheduled checks that are dropped without an event.
    package var dropped: [Int64]
    package var next: Next
    /// By place, the new ``QueuedJob/standing`` of jobs that superseded one with a revision.
    package var raised: [Int64: Int64]
    /// A job that no longer expires, because others end in its favour.
    package var committed: Int64?
    /// Jobs that a pause holds from now on.
    package var holds: [PauseHold] = []
    /// By place, why each job waits that neither runs nor ends. Only a decision that is asked to explain itself has it.
    package var waiting: [Int64: LaneWait] = [:]

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
