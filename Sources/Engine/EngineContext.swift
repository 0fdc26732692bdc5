import Contract
import Logging
import Store
import Synchronization
import Telemetry
import Vault

/// The settings, log and ports that the parts of one engine share. The store is not among them: each part has the protocol of it that it
/// needs. A ``JobContext`` belongs to one attempt; this context belongs to all of them.
///
/// It is a class, so that a task that captures it copies one reference.
final class EngineContext: Sendable {
    let vault: Vault
    private let inForce: Mutex<EngineSettings>
    let sink: any EventSink
    let worker: WorkerIdentity
    let clock: any EngineClock
    let entropy: any Entropy
    let log: Logger
    let meters: EngineMeters
    let pulses: Pulses
    /// Why this worker holds calls back.
    let barriers: CallBarriers
    /// `nil` if traces are off.
    let tracer: WorkerTracer?
    /// Whether intake waits until fewer jobs wait in the store.
    let isIntakePaused = Atomic(false)
    /// Whether the store has pauses, as far as the worker knows.
    let hasPauses = Atomic(false)

    init(
        vault: Vault,
        settings: EngineSettings,
        sink: any EventSink,
        worker: WorkerIdentity,
        clock: any EngineClock,
        entropy: any Entropy,
        log: Logger,
        instruments: Instruments = .none,
        barriers: CallBarriers = CallBarriers()
    ) {
        self.vault = vault
        inForce = Mutex(settings)
        self.sink = sink
        self.worker = worker
        self.clock = clock
        self.entropy = entropy
        self.log = log
        meters = EngineMeters(instruments.metrics)
        pulses = instruments.pulses
        tracer = instruments.tracer
        self.barriers = barriers
    }

    /// The settings in force. A reload replaces all of them at once, so what has to agree is read together.
    var settings: EngineSettings { inForce.withLock { $0 } }

    func adopt(_ settings: EngineSettings) { inForce.withLock { $0 = settings } }

    var now: Timestamp { clock.now }
    var events: EventMaker { EventMaker(entropy: entropy) }

    /// Looks for keys that another process may have added.
    func refreshKeys() async { await vault.refresh(log: log) }
}
