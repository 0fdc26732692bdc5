import Contract
import Store

/// Verifies credentials and makes them the lane's connection (`Rules` L7 to L14), in a ``ConnectAttempt``.
struct ConnectHandler: JobHandler {
    func run(_ payload: ConnectPayload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        var attempt = ConnectAttempt(payload, context)
        return try await attempt.run()
    }

    /// The job writes nothing to Autotask, so there is only the reason to report.
    func conclude(_ payload: ConnectPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        ConnectAttempt(payload, context).failed(reason)
    }
}
