/// Every event of a span that the worker records: a moment that explains what follows.
package enum SpanEventName: String, CaseIterable, Sendable {
    /// Autotask limits requests (429). Of a call.
    case callLimited = "call.limited"
    /// A circuit breaker or the quota held a call back, which was not made. Of an attempt, as the following ones.
    case callHeldBack = "call.held_back"
    case breakerOpened = "breaker.opened"
    case breakerClosed = "breaker.closed"
    /// The job waits for its next attempt.
    case jobDeferred = "job.deferred"
}
