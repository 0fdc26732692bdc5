import Contract
package import HTTP
import Logging
package import Secrets
import Store
import Synchronization
import Telemetry
import Vault

/// What a handler has at hand for one attempt at one job.
final class JobContext: Sendable {
    let claim: LaneClaim
    let store: any LaneEffects
    let vault: Vault
    let autotask: AutotaskAccess
    /// What was called, over ``autotask``.
    let calls: RecordingTransport
    /// By when every call has ended, if the job has a deadline.
    let callDeadline: Timestamp?
    let settings: EngineSettings
    let clock: any EngineClock
    let entropy: any Entropy
    /// For events that are told as best effort: `sync.started`, `sync.progress`.
    let sink: any EventSink
    let breakers: CircuitBreakers
    let quotas: DatabaseQuotas
    let worker: WorkerIdentity
    /// What was read, for the audit log.
    let reading = AttemptReading()
    /// See ``note(asked:)``.
    let asked = Mutex<[UInt8]?>(nil)
    /// See ``sealForAudit(_:)``.
    let auditSeal = Mutex<AuditSeal?>(nil)
    let logger: Logger
    /// The time before a job's deadline that is reserved for its end: the commit, and publishing its event.
    private static let endingTime: Duration = .milliseconds(500)
    private let wasHeldUp = Atomic(false)
    private let didWrite = Atomic(false)

    init(
        claim: LaneClaim,
        store: any LaneEffects,
        vault: Vault,
        autotask: AutotaskAccess,
        settings: EngineSettings,
        clock: any EngineClock,
        entropy: any Entropy,
        sink: any EventSink,
        breakers: CircuitBreakers,
        quotas: DatabaseQuotas,
        worker: WorkerIdentity,
        log: Logger
    ) {
        self.claim = claim
        self.store = store
        self.vault = vault
        callDeadline = claim.job.deadline.map { $0 - JobContext.endingTime }
        calls = RecordingTransport(autotask.transport, clock: clock, deadline: callDeadline)
        self.autotask = AutotaskAccess(
            transport: calls,
            lookupURL: autotask.lookupURL,
            integrationCode: autotask.integrationCode,
            hosts: autotask.hosts
        )
        self.settings = settings
        self.clock = clock
        self.entropy = entropy
        self.sink = sink
        self.breakers = breakers
        self.quotas = quotas
        self.worker = worker
        logger = log
    }

    var lane: Lane { claim.token.lane }
    var job: QueuedJob { claim.job }
    var state: LaneState { claim.state }
    var now: Timestamp { clock.now }
    /// Whether the lane is certainly this attempt's still.
    var holdsLane: Bool { worker.holds(as: claim.token.worker, at: now) }

    /// An event that answers this job.
    func event(_ type: EventType, _ data: JSONObject) -> Event {
        Event(
            id: entropy.eventID(),
            type: type,
            lane: lane,
            jobID: job.id,
            redriveOf: job.redriveOf,
            time: now,
            traceparent: job.traceparent,
            data: data
        )
    }

    /// The event that refuses this job, and keeps its id.
    func rejection(_ error: JobError) -> Event { event(.jobRejected, ["error": error.asRefusal.json]) }

    /// An event about the lane that answers no job: `connection.lost`, `integration.enabled`.
    func stateEvent(_ type: EventType, _ data: JSONObject) -> Event {
        Event(id: entropy.eventID(), type: type, lane: lane, jobID: nil, time: now, traceparent: job.traceparent, data: data)
    }

    /// Tells something in passing.
    func offer(_ type: EventType, _ data: JSONObject) {
        sink.offer(OrderedEvent(event: event(type, data), epoch: state.epoch, sequence: nil)) { _ in }
    }

    /// Whether something stands in this attempt's way that is not the job's: Autotask does not work at the moment, or a key is missing.
    var isHeldUp: Bool { wasHeldUp.load(ordering: .relaxed) }

    func holdUp() { wasHeldUp.store(true, ordering: .relaxed) }

    /// Whether the job has changed something in Autotask, in this attempt or in one before it.
    var hasWritten: Bool { job.hasWritten || didWrite.load(ordering: .relaxed) }

    func noteWrite() { didWrite.store(true, ordering: .relaxed) }

    /// Logs something about this attempt: lane and job are added.
    func log(_ level: Logger.Level, _ message: Logger.Message, _ details: @autoclosure () -> Logger.Metadata) {
        guard level >= logger.logLevel else { return }
        let about: Logger.Metadata = .keys([
            .tenant: "\(lane.tenant)",
            .product: "\(lane.product.rawValue)",
            .jobID: "\(job.id)",
            .kind: "\(job.kind.rawValue)",
            .attempt: "\(job.attempts)",
        ])
        logger.log(level: level, message, metadata: about.merging(details()) { $1 })
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
