import Contract
import Store

/// Makes credentials the lane's connection, once they are verified (`Rules` L7 to L14); ``ConnectAttempt`` is how.
struct ConnectHandler: JobHandler {
    func run(_ payload: ConnectPayload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        var attempt = ConnectAttempt(payload, context)
        return try await attempt.run()
    }

    /// A connect writes nothing to Autotask, so there is nothing to tell but the reason.
    func conclude(_ payload: ConnectPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        ConnectAttempt(payload, context).failed(reason)
    }
}
