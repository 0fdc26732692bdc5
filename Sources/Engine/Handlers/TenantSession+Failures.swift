import Autotask
import Contract
import Store

/// Why a call failed, and the consequence for the job.
struct CallFailure: Error {
    enum Consequence: Hashable {
        /// Every further call would fail in the same way: the job ends here. ``TenantSession`` makes no further call.
        case stop
        /// The same call may succeed later, not before `earliest` if Autotask named a time.
        case retry(earliest: Timestamp?)
        /// Autotask refused this one request: other calls may be made.
        case refused
    }

    let consequence: Consequence
    /// The error for events.
    let error: JobError
    /// The error of the call itself.
    let cause: AutotaskError?

    init(_ consequence: Consequence, _ error: JobError, cause: AutotaskError? = nil) {
        self.consequence = consequence
        self.error = error
        self.cause = cause
    }

    /// Classifies a failure that says nothing new about the connection. A call that was abandoned because the job has to end gets the error
    /// of the job's last deferral.
    init(_ cause: AutotaskError, in context: JobContext) {
        let consequence: Consequence =
            switch cause.kind {
            case .unauthorized, .locked, .trackingIDRejected, .zoneNotFound, .accessDenied, .notAllowed: .stop
            default: cause.isTransient ? .retry(earliest: cause.retryAfter.map { context.now + $0 }) : .refused
            }
        let before = cause.kind == .outOfTime && !cause.isOutcomeUnknown ? context.job.lastFailure : nil
        self.init(consequence, before ?? cause.jobError.referring(to: context.job.id), cause: cause)
    }

    /// Whether a write may have taken effect although it failed. Then look it up before writing again.
    var isOutcomeUnknown: Bool { cause?.isOutcomeUnknown ?? false }
}

extension AutotaskError {
    /// Whether the credentials must not be used again: each further use may lock the API user.
    var isRefusalOfCredentials: Bool { kind == .unauthorized || kind == .locked }
}

extension TenantSession {
    /// The outcome of a job that only reads, after one of its calls failed.
    ///
    /// - Parameter event: the job's own failed event.
    func outcome(of failure: CallFailure, reporting event: Event) -> HandlerOutcome {
        guard case .retry(let earliest) = failure.consequence else {
            return .failed(failure.error, stateEvents + [event], changes: changes)
        }
        return .transient(failure.error, earliest: earliest, failure: event, events: stateEvents, changes: changes)
    }
}
