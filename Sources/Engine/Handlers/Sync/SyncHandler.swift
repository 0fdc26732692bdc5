import Contract
import Store

/// Transfers a whole plan to Autotask, as one batch in two phases (`Rules` A5): ``SyncPreparation`` checks all of it and decides what is to
/// be written, ``SyncApplication`` writes it; ``SyncAttempt`` is the way through both.
struct SyncHandler: JobHandler {
    func run(_ payload: SyncPayload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        try await SyncAttempt(payload, context).run()
    }

    func conclude(_ payload: SyncPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        SyncAttempt(payload, context).concluded(because: reason)
    }
}
