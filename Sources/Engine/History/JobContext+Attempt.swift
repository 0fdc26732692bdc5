import Contract
import Store

extension JobContext {
    /// Whether the store keeps the job's request and calls. A scheduled check leaves only rows in the audit log.
    var keepsHistory: Bool { settings.retention.history > .zero && !job.isScheduled }

    /// Keeps the part of the job's data that may be shown.
    ///
    /// - Parameter data: the job's data.
    func note(asked data: JSON) {
        guard keepsHistory else { return }
        asked = JSON.object(job.kind.shown(of: data)).encoded
    }

    /// Makes the attempt, which ends now. Only the transport sees every call, even if a handler fails.
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
