import Contract
import Logging
import Store
import Vault

/// What the parts of one engine share: its settings, its log and its ports but the store, of which each part has the protocol that it needs.
/// ``JobContext`` is for one attempt, this for all of them.
///
/// It is a class, so that a task that takes it along copies one reference.
final class EngineContext: Sendable {
    let vault: Vault
    let settings: EngineSettings
    let sink: any EventSink
    let worker: WorkerIdentity
    let clock: any EngineClock
    let entropy: any Entropy
    let log: Logger

    init(
        vault: Vault,
        settings: EngineSettings,
        sink: any EventSink,
        worker: WorkerIdentity,
        clock: any EngineClock,
        entropy: any Entropy,
        log: Logger
    ) {
        self.vault = vault
        self.settings = settings
        self.sink = sink
        self.worker = worker
        self.clock = clock
        self.entropy = entropy
        self.log = log
    }

    var now: Timestamp { clock.now }
    var events: EventMaker { EventMaker(entropy: entropy) }

    /// Looks for keys that another process may have added.
    func refreshKeys() async { await vault.refresh(log: log) }
}
