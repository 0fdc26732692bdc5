import Contract
import Metrics
import Store
import Telemetry

/// What the engine records about its work. Each function is called once for what happened, after it is in the store.
final class EngineMeters: Sendable {
    private let intake: Metered<IntakeResult, Counter>
    private let intakeTime: Timer
    private let intakeBatch: Recorder
    private let intakePaused: FloatingPointCounter
    private let jobsEnded: MeteredPairs<JobKind, EventType, Counter>
    private let jobErrors: MeteredPairs<JobKind, ErrorCode, Counter>
    private let attempts: MeteredPairs<JobKind, AttemptEnding, Counter>
    private let jobWait: Metered<JobKind, Timer>
    private let attemptTime: MeteredPairs<JobKind, AttemptFailed, Timer>
    private let jobAge: Metered<JobKind, Timer>
    private let eventDelay: Timer
    private let heldBack: MeteredPairs<JobKind, HoldReason, Counter>
    private let services: Metered<ServiceOutcome, Counter>
    private let warnings: Metered<Warning.Code, Counter>
    private let connectionChanges: Metered<ConnectionChange, Counter>
    private let breakerOpenings: Metered<BreakerScope, Counter>
    private let takeovers: Metered<TakenOver, Counter>

    init(_ factory: any MetricsFactory) {
        intake = Metered(.intake, to: factory)
        intakeTime = Timer(.intakeTime, to: factory)
        intakeBatch = Recorder(.intakeBatch, to: factory)
        intakePaused = FloatingPointCounter(label: MetricName.intakePaused.rawValue, factory: factory)
        jobsEnded = MeteredPairs(.jobsEnded, to: factory) { $0.ends(in: $1) }
        jobErrors = MeteredPairs(.jobErrors, to: factory)
        attempts = MeteredPairs(.attempts, to: factory)
        jobWait = Metered(.jobWait, to: factory)
        attemptTime = MeteredPairs(.attemptTime, to: factory)
        jobAge = Metered(.jobAge, to: factory)
        eventDelay = Timer(.eventDelay, to: factory)
        heldBack = MeteredPairs(.heldBack, to: factory)
        services = Metered(.services, to: factory)
        warnings = Metered(.warnings, to: factory)
        connectionChanges = Metered(.connectionChanges, to: factory)
        breakerOpenings = Metered(.breakerOpenings, to: factory)
        takeovers = Metered(.takeovers, to: factory)
    }

    // MARK: Intake

    /// A batch of deliveries is in the store and acknowledged.
    func tookIn(_ batch: IncomingBatch, within time: Duration) {
        intakeBatch.record(batch.deliveries.count)
        intakeTime.record(time)
        let redelivered = batch.deliveries.count(where: \.isRedelivered)
        if redelivered > 0 { intake[.redelivered].increment(by: redelivered) }
    }

    func accepted(_ acceptance: Acceptance, _ settled: SettledJobs) {
        for outcome in acceptance.outcomes { intake[IntakeResult(outcome)].increment() }
        ended(settled)
    }

    func paused(for time: Duration) { intakePaused.increment(by: time / .seconds(1)) }

    // MARK: Jobs

    func claimed(_ claim: LaneClaim, at now: Timestamp) {
        jobWait[claim.job.kind].record(now - claim.dueSince)
    }

    /// Jobs ended without an attempt.
    func ended(_ settled: SettledJobs) {
        for job in settled.jobs {
            jobsEnded[job.kind, job.event]?.increment()
            jobErrors[job.kind, job.code]?.increment()
        }
    }

    /// An attempt ended, and its outcome is in the store.
    func ended(_ claim: LaneClaim, _ ended: EndedAttempt) {
        let (job, completion, attempt) = (claim.job, ended.completion, ended.completion.attempt)
        attempts[job.kind, AttemptEnding(attempt.ending)]?.increment()
        if let reason = ended.holdReason { heldBack[job.kind, reason]?.increment() }
        for service in ended.services {
            services[service.outcome].increment()
            for warning in service.warnings { warnings[warning.code].increment() }
        }
        if let began = attempt.began {
            attemptTime[job.kind, attempt.failure == nil ? .no : .yes]?.record(attempt.ended - began)
        }
        for event in completion.events { ConnectionChange(event.type).map { connectionChanges[$0].increment() } }
        guard attempt.endsJob, !job.isScheduled else { return }
        jobAge[job.kind].record(attempt.ended - job.acceptedAt - job.pausedFor)
        if let event = completion.events.first(where: \.type.isTerminal) { jobsEnded[job.kind, event.type]?.increment() }
        if let code = attempt.failure?.code { jobErrors[job.kind, code]?.increment() }
    }

    // MARK: Surroundings

    func confirmed(_ event: Event, at now: Timestamp) { eventDelay.record(now - event.time) }

    func opened(_ target: CircuitBreakers.Target) { breakerOpenings[BreakerScope(target)].increment() }

    func took(over takeover: Takeover) {
        takeovers[.lanes].increment(by: takeover.lanes)
        takeovers[.events].increment(by: takeover.events)
    }
}

extension JobKind {
    /// Whether a job of this kind can end in this event (`Contract`, "Jobs").
    fileprivate func ends(in event: EventType) -> Bool {
        switch event {
        case .jobRejected, .jobSuperseded, .jobExpired, .jobAbandoned: true
        case .connectionEstablished: self == .connect
        case .connectionFailed: self == .connect || self == .verify
        case .connectionVerified: self == .verify
        case .connectionDiagnosed: self == .diagnose
        case .syncSucceeded, .syncIncomplete: self == .sync
        case .syncFailed: self == .sync || self == .preview
        case .syncPreviewed: self == .preview
        case .billingCodesListed, .billingCodesFailed: self == .billingCodes
        case .integrationReset: self == .reset
        case .driftReported, .driftFailed: self == .drift
        case .connectionLost, .connectionRecovered, .syncStarted, .syncProgress, .integrationEnabled, .driftChanged, .jobDeferred,
            .jobConflict:
            false
        }
    }
}

extension IntakeResult {
    fileprivate init(_ outcome: Acceptance.Outcome) {
        switch outcome {
        case .accepted: self = .accepted
        case .replayed, .underWay: self = .duplicate
        case .conflict: self = .conflict
        case .ended, .refused: self = .rejected
        case .deadLettered: self = .deadLettered
        }
    }
}
