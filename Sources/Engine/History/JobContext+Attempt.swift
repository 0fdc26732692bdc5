import Contract
import Store

extension JobContext {
    /// Whether the store keeps what the job asked for and called. Scheduled checks leave rows in the audit log only.
    var keepsHistory: Bool { settings.retention.history > .zero && !job.isScheduled }

    /// Keeps what the job asks for, as it may be shown.
    ///
    /// - Parameter data: the job's.
    func note(asked data: JSON) {
        guard keepsHistory else { return }
        asked = JSON.object(job.kind.shown(of: data)).encoded
    }

    /// The attempt, which ends now. Only the transport sees every call, even if a handler fails.
    func attempt(_ ending: Attempt.Ending) -> Attempt {
        Attempt(
            began: began,
            ended: now,
            ending,
            calls: calls.calls,
            apiCalls: calls.counted,
            read: reading.facts,
            wrote: didWrite
        )
    }
}
