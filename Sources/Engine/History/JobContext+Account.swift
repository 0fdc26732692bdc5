import Contract
import Store

extension JobContext {
    private var keepsHistory: Bool { settings.retention.history > .zero }

    /// Keeps what the job asks for, as it may be shown.
    ///
    /// - Parameter data: the job's.
    func note(asked data: JSON) {
        guard keepsHistory else { return }
        asked = JSON.object(job.kind.shown(of: data)).encoded
    }

    /// What `sync show` tells of this attempt besides its end; `nil` where no history is kept.
    func account(since begun: Timestamp) -> AttemptAccount? {
        guard keepsHistory else { return nil }
        return AttemptAccount(begunAt: begun, asked: asked, calls: calls.calls)
    }
}
