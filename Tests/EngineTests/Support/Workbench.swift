import AutotaskModel
import Contract
import Logging
import Secrets
import Store
import Synchronization
import Testing
import Vault

@testable import Engine

/// Everything that a handler needs, for one lane. Only the network, the clock, the random numbers and the store are models.
struct Workbench {
    /// Two API users of one tenant's database, and one of another's.
    static let username = "api-4711@demo.example"
    static let secret = #"Correct é:;%"\-Horse"#
    static let otherUsername = "api-4712@demo.example"
    static let strangerUsername = "api-9000@stranger.example"
    static let databaseID: Int64 = 123_456
    static let strangerDatabaseID: Int64 = 999_999
    static let vendorCode = "VENDOR-TRACKING-ID"
    static let zoneHost = "webservices14.autotask.net"

    let lane: Lane
    let autotask = FakeAutotask()
    let clock = ManualClock(Timestamp("2026-11-22T08:00:00Z")!)
    let store = HandlerStore()
    let sink = RecordingSink()
    let log = RecordedLog()
    let barriers = CallBarriers()
    let breakers: CircuitBreakers
    let quotas = DatabaseQuotas(share: EngineSettings().quotaShare)
    let worker = WorkerIdentity(WorkerID("worker-1"))
    let keyRing: KeyRing
    let vault: Vault
    var settings = EngineSettings()
    private let entropy = SeededEntropy()
    private let latest = LatestCalls()

    init(lane: Lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace), keyRing: KeyRing? = nil) {
        let keyRing = keyRing ?? KeyRing.generate(at: clock.now)
        self.lane = lane
        self.keyRing = keyRing
        worker.holdsLease(until: clock.now + .seconds(86_400))
        vault = Vault(keyRing)
        breakers = CircuitBreakers(pause: .seconds(5), barriers: barriers)
        autotask.change {
            $0.databases[Workbench.databaseID] = FakeAutotask.Database(host: Workbench.zoneHost)
            $0.databases[Workbench.strangerDatabaseID] = FakeAutotask.Database(zoneName: "AE05", host: "webservices25.autotask.net")
            for (name, database) in [
                (Workbench.username, Workbench.databaseID), (Workbench.otherUsername, Workbench.databaseID),
                (Workbench.strangerUsername, Workbench.strangerDatabaseID),
            ] {
                $0.users[name] = FakeAutotask.User(secret: Workbench.secret, integrationCode: Workbench.vendorCode, databaseID: database)
            }
        }
    }

    /// A claim of the lane's job, with its context.
    func context(
        _ kind: JobKind,
        id: String = "job-1",
        state: LaneState = LaneState(epoch: 1),
        mode: RunMode = .work,
        hasWritten: Bool = false,
        apiCalls: Int = 0,
        trace: AttemptTrace? = nil
    ) -> JobContext {
        let (kept, state) = (state, state.shown(to: kind))
        store.change {
            $0.bindings = kept.bindings
            $0.unsettled = Set(kept.openWrites.map { ServiceKey(planID: $0.planID, serviceKey: $0.serviceKey) })
        }
        let job = QueuedJob(
            order: 1,
            id: JobID(id)!,
            kind: kind,
            acceptedAt: clock.now,
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            attempts: 1,
            hasWritten: hasWritten,
            apiCalls: apiCalls
        )
        let token = ClaimToken(lane: lane, worker: WorkerID("worker-1"), fence: 1, order: job.order)
        let context = JobContext(
            claim: LaneClaim(token: token, job: job, sealedPayload: [], mode: mode, state: state),
            store: store,
            engine: engine,
            autotask: AutotaskAccess(
                transport: autotask,
                lookupURL: FakeAutotask.lookupURL,
                integrationCode: SecretReference(copying: Array(Workbench.vendorCode.utf8).span)
            ),
            progress: sink,
            breakers: breakers,
            quotas: quotas,
            trace: trace
        )
        latest.calls = context.calls
        return context
    }

    /// Calls that count, of the attempt whose context was made last.
    var apiCalls: Int { latest.calls?.counted ?? 0 }

    private var engine: EngineContext {
        EngineContext(
            vault: vault,
            settings: settings,
            sink: sink,
            worker: worker,
            clock: clock,
            entropy: entropy,
            log: log.logger,
            barriers: barriers
        )
    }
}

extension Event {
    /// The parsed `data`.
    var members: JSON {
        guard let json = try? JSON(parsing: data) else { return .null }
        return json
    }

    var errorCode: String? { members["error"]?["code"]?.string }
}

extension HandlerOutcome {
    /// Whether the job is put back, and the attempt not counted.
    var isPostponed: Bool {
        guard case .postponed = ending else { return false }
        return true
    }

    /// The one event in which the job ends.
    var terminal: Event? {
        let terminal = (events + (failure.map { [$0] } ?? [])).filter(\.type.isTerminal)
        guard terminal.count == 1 else { return nil }
        let code = terminal[0].type.failureCode(in: terminal[0].data)
        if code != error?.code.rawValue {
            Issue.record("The event carries \(code ?? "no error"), and the outcome \(error?.code.rawValue ?? "none").")
        }
        return terminal[0]
    }

    private var error: JobError? {
        switch ending {
        case .finished(let error): error
        case .givenUp(let givenUp): givenUp.error
        case .transient(let error, _, _): error
        case .postponed: nil
        }
    }

    /// The event that would end the job if this was its last attempt.
    var failure: Event? {
        guard case .transient(_, _, let failure) = ending else { return nil }
        return failure
    }
}

/// The calls of an attempt.
private final class LatestCalls: Sendable {
    private let latest = Mutex<RecordingTransport?>(nil)

    var calls: RecordingTransport? {
        get { latest.withLock { $0 } }
        set { latest.withLock { $0 = newValue } }
    }
}
