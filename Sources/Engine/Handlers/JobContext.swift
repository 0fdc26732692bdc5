import Contract
package import HTTP
import Logging
package import Secrets
import Store
import Telemetry
import Vault

/// What a handler needs for one attempt at one job. It is not `Sendable`: an attempt is one task.
final class JobContext {
    let claim: LaneClaim
    let store: any LaneEffects
    let engine: EngineContext
    /// The settings that were in force when the attempt began.
    let settings: EngineSettings
    let autotask: AutotaskAccess
    /// The calls that were made over ``autotask``.
    let calls: RecordingTransport
    /// `nil` if the job is not sampled.
    let trace: AttemptTrace?
    /// When the attempt began.
    let began: Timestamp
    /// The time by which every call has to end, if the job has a deadline.
    let callDeadline: Timestamp?
    /// The sink for events that are published without a guarantee: `sync.started`, `sync.progress`.
    private let progress: any EventSink
    let breakers: CircuitBreakers
    let quotas: DatabaseQuotas
    /// The data that was read, for the audit log.
    var reading = AttemptReading()
    /// See ``note(asked:)``.
    var asked: [UInt8]?
    /// See ``sealForAudit(_:)``.
    var auditSeal: AuditSeal?
    /// Why this attempt ends early, if the reason is outside the job: Autotask does not work at the moment, or a key is missing.
    private(set) var holdReason: HoldReason?
    /// The services of a sync that ends, for the metrics.
    var ended: [ServiceResult] = []
    /// Whether Autotask confirmed a write in this attempt.
    private(set) var didWrite = false
    /// The time before a job's deadline that is reserved for its end: the commit, and publishing its event.
    private static let endingTime: Duration = .milliseconds(500)

    init(
        claim: LaneClaim,
        store: any LaneEffects,
        engine: EngineContext,
        autotask: AutotaskAccess,
        progress: any EventSink,
        breakers: CircuitBreakers,
        quotas: DatabaseQuotas,
        trace: AttemptTrace? = nil
    ) {
        self.claim = claim
        self.store = store
        self.engine = engine
        settings = engine.settings
        began = engine.now
        callDeadline = claim.job.deadline.map { $0 - JobContext.endingTime }
        self.trace = trace
        let transport = trace.map { TracedTransport(transport: autotask.transport, trace: $0) } ?? autotask.transport
        calls = RecordingTransport(transport, clock: engine.clock, deadline: callDeadline)
        self.autotask = AutotaskAccess(
            transport: calls,
            lookupURL: autotask.lookupURL,
            integrationCode: autotask.integrationCode,
            hosts: autotask.hosts
        )
        self.progress = progress
        self.breakers = breakers
        self.quotas = quotas
    }

    var vault: Vault { engine.vault }
    var lane: Lane { claim.token.lane }
    var job: QueuedJob { claim.job }
    var state: LaneState { claim.state }
    var now: Timestamp { engine.now }
    /// Whether this attempt certainly still holds the lane.
    var holdsLane: Bool { engine.worker.holds(as: claim.token.worker, at: now) }

    /// The trace context of what this attempt does: its own, or the job's.
    var traceparent: String? { trace?.traceparent ?? job.traceparent }

    /// An event that answers this job.
    func event(_ type: EventType, _ data: JSONObject) -> Event {
        engine.events.event(type, in: lane, answering: job, traceparent: traceparent, at: now, data)
    }

    /// The event that refuses this job, and keeps its id.
    func rejection(_ error: JobError) -> Event { event(.jobRejected, ["error": error.asRefusal.json]) }

    /// An event about the lane that answers no job: `connection.lost`, `integration.enabled`.
    func stateEvent(_ type: EventType, _ data: JSONObject) -> Event {
        engine.events.event(type, in: lane, answering: nil, traceparent: traceparent, at: now, data)
    }

    /// Publishes a transient event, without waiting for the broker.
    func offer(_ type: EventType, _ data: JSONObject) {
        progress.offer(OrderedEvent(event: event(type, data), epoch: state.epoch, sequence: nil)) { _ in }
    }

    func holdUp(_ reason: HoldReason) { holdReason = reason }

    /// Whether the attempt does not count, because its delay has a reason outside the job.
    var isHeldUp: Bool { holdReason != nil && holdReason != .databaseFull }

    /// Calls of this attempt and of earlier ones.
    var apiCalls: Int { job.apiCalls + calls.counted }

    /// Whether the job has changed something in Autotask, in this attempt or an earlier one.
    var hasWritten: Bool { job.hasWritten || didWrite }

    func noteWrite() { didWrite = true }

    /// Logs a message about this attempt, with lane and job as metadata.
    ///
    /// - Parameter details: further metadata. They take precedence over the number of attempts when the attempt began.
    func log(_ level: Logger.Level, _ message: Logger.Message, _ details: @autoclosure () -> Logger.Metadata) {
        guard level >= engine.log.logLevel else { return }
        var metadata = details()
        metadata.reserveCapacity(metadata.count + 6)
        metadata[.tenant] = "\(lane.tenant)"
        metadata[.product] = "\(lane.product.rawValue)"
        metadata[.jobID] = "\(job.id)"
        metadata[.kind] = "\(job.kind.rawValue)"
        if metadata[.attempt] == nil { metadata[.attempt] = "\(job.attempts)" }
        if let trace = traceparent.map(TraceContext.traceID) { metadata[.traceID] = "\(trace)" }
        engine.log.log(level: level, message, metadata: metadata)
    }

    /// Records writes before and after they are made: see ``LaneEffects/journal(_:notes:under:at:)``.
    ///
    /// - Returns: why the batch has to stop here; `nil` if it continues.
    func journal(_ unsaved: WriteJournal.Unsaved) async throws(StoreError) -> BatchStop? {
        guard let trace else { return try await store.journal(unsaved.entries, notes: unsaved.notes, under: claim.token, at: now) }
        return try await trace.store("journal", entries: unsaved.entries.count) { () async throws(StoreError) in
            try await store.journal(unsaved.entries, notes: unsaved.notes, under: claim.token, at: now)
        }
    }
}

/// The transport and the operator's settings for calls to Autotask.
package struct AutotaskAccess: Sendable {
    package var transport: any HTTPTransport
    /// The URL at which zones are looked up, with a slash at its end (`AUTOTASK_URL`).
    package var lookupURL: String
    /// The vendor's tracking identifier, for tenants that have none of their own.
    package var integrationCode: SecretReference
    /// The hosts that may be called, and shown to people as Autotask's. The transport enforces the policy for its calls.
    package var hosts: HostPolicy

    package init(
        transport: any HTTPTransport,
        lookupURL: String,
        integrationCode: SecretReference,
        hosts: HostPolicy = HostPolicy()
    ) {
        self.transport = transport
        self.lookupURL = lookupURL
        self.integrationCode = integrationCode
        self.hosts = hosts
    }
}
