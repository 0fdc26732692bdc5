import Contract
import Store

extension JobContext {
    private var keepsHistory: Bool { settings.retention.history > .zero }

    /// Keeps the part of the job's data that may be shown.
    ///
    /// - Parameter data: the job's data.
    func note(asked data: JSON) {
        guard keepsHistory else { return }
        asked = JSON.object(job.kind.shown(of: data)).encoded
    }

    /// What `sync show` shows of this attempt in addition to its end; `nil` if no history is kept.
    func account(since begun: Timestamp) -> AttemptAccount? {
        guard keepsHistory else { return nil }
        return AttemptAccount(begunAt: begun, asked: asked, calls: calls.calls)
    }
}
