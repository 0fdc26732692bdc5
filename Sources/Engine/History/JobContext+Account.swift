import Contract
import Store
import Synchronization

extension JobContext {
    private var keepsHistory: Bool { settings.retention.history > .zero }

    /// Keeps what the job asks for, as it may be shown.
    ///
    /// - Parameter data: the job's.
    func note(asked data: JSON) {
        guard keepsHistory else { return }
        let shown = JSON.object(job.kind.shown(of: data)).encoded
        asked.withLock { $0 = shown }
    }

    /// What `sync show` tells of this attempt besides its end; `nil` where no history is kept.
    func account(since begun: Timestamp) -> AttemptAccount? {
        guard keepsHistory else { return nil }
        return AttemptAccount(begunAt: begun, asked: asked.withLock { $0 }, calls: calls.calls)
    }
}
