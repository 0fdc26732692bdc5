import Contract
package import HTTP
import Logging
package import Secrets
import Store
import Telemetry
import Vault

/// What a handler has at hand for one attempt at one job. It is not `Sendable`: an attempt is one task.
final class JobContext {
    let claim: LaneClaim
    let store: any LaneEffects
    let engine: EngineContext
    let autotask: AutotaskAccess
    /// What was called, over ``autotask``.
    let calls: RecordingTransport
    /// When the attempt began.
    let began: Timestamp
    /// By when every call has ended, if the job has a deadline.
    let callDeadline: Timestamp?
    /// For events that are published as best effort: `sync.started`, `sync.progress`.
    private let progress: any EventSink
    let breakers: CircuitBreakers
    let quotas: DatabaseQuotas
    /// What was read, for the audit log.
    var reading = AttemptReading()
    /// See ``note(asked:)``.
    var asked: [UInt8]?
    /// See ``sealForAudit(_:)``.
    var auditSeal: AuditSeal?
    /// Whether something delays this attempt that is not the job's fault: Autotask does not work at the moment, or a key is missing.
    private(set) var isHeldUp = false
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
        quotas: DatabaseQuotas
    ) {
        self.claim = claim
        self.store = store
        self.engine = engine
        began = engine.now
        callDeadline = claim.job.deadline.map { $0 - JobContext.endingTime }
        calls = RecordingTransport(autotask.transport, clock: engine.clock, deadline: callDeadline)
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
    var settings: EngineSettings { engine.settings }
    var lane: Lane { claim.token.lane }
    var job: QueuedJob { claim.job }
    var state: LaneState { claim.state }
    var now: Timestamp { engine.now }
    /// Whether the lane is certainly this attempt's still.
    var holdsLane: Bool { engine.worker.holds(as: claim.token.worker, at: now) }

    /// An event that answers this job.
    func event(_ type: EventType, _ data: JSONObject) -> Event { engine.events.event(type, in: lane, answering: job, at: now, data) }

    /// The event that refuses this job, and keeps its id.
    func rejection(_ error: JobError) -> Event { event(.jobRejected, ["error": error.asRefusal.json]) }

    /// An event about the lane that answers no job: `connection.lost`, `integration.enabled`.
    func stateEvent(_ type: EventType, _ data: JSONObject) -> Event {
        engine.events.event(type, in: lane, answering: nil, traceparent: job.traceparent, at: now, data)
    }

    /// Publishes something in passing.
    func offer(_ type: EventType, _ data: JSONObject) {
        progress.offer(OrderedEvent(event: event(type, data), epoch: state.epoch, sequence: nil)) { _ in }
    }

    func holdUp() { isHeldUp = true }

    /// Calls of this attempt and of those before it.
    var apiCalls: Int { job.apiCalls + calls.counted }

    /// Whether the job has changed something in Autotask, in this attempt or in one before it.
    var hasWritten: Bool { job.hasWritten || didWrite }

    func noteWrite() { didWrite = true }

    /// Logs something about this attempt: lane and job are added.
    func log(_ level: Logger.Level, _ message: Logger.Message, _ details: @autoclosure () -> Logger.Metadata) {
        guard level >= engine.log.logLevel else { return }
        let about: Logger.Metadata = .keys([
            .tenant: "\(lane.tenant)",
            .product: "\(lane.product.rawValue)",
            .jobID: "\(job.id)",
            .kind: "\(job.kind.rawValue)",
            .attempt: "\(job.attempts)",
        ])
        engine.log.log(level: level, message, metadata: about.merging(details()) { $1 })
    }

    /// Records writes before and after they are made, see ``LaneEffects/journal(_:notes:under:at:)``.
    ///
    /// - Returns: whether the batch has to stop here, because a reset waits.
    func journal(_ unsaved: WriteJournal.Unsaved) async throws(StoreError) -> Bool {
        try await store.journal(unsaved.entries, notes: unsaved.notes, under: claim.token, at: now)
    }
}

/// The way to Autotask: what an operator sets, and the transport.
package struct AutotaskAccess: Sendable {
    package var transport: any HTTPTransport
    /// Where zones are looked up, ending in a slash (`AUTOTASK_URL`).
    package var lookupURL: String
    /// The vendor's tracking identifier, for tenants that bring none of their own.
    package var integrationCode: SecretReference
    /// Which hosts may be called, and shown to people as Autotask's. The transport enforces it for its calls.
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
