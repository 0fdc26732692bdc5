package import Contract
package import HTTP

/// The reason why a call to Autotask failed. It depends on the answer's text and not only on its status: Autotask reports invalid data and
/// missing permissions as 500 (`Rules`, "What Autotask imposes").
package struct AutotaskError: Error, Sendable {
    package enum Kind: Hashable, Sendable {
        /// 401 without a text, or with a page of IIS: user name, secret, tracking id or zone is wrong, and Autotask does not say which.
        /// Repeating it locks the API user.
        case unauthorized
        /// Autotask says that the API user is locked.
        case locked
        /// The tracking identifier is not accepted.
        case trackingIDRejected
        /// No zone serves the user name.
        case zoneNotFound
        /// A redirect or 404 for a path that every zone serves: the database may have moved.
        case notServedHere
        /// 403.
        case accessDenied
        /// The API user lacks a permission. Verb and object are for messages: `create`, `services`.
        case permissionDenied(verb: String, object: String)
        /// Another record already has the name.
        case duplicateName
        /// The billing code does not exist, is inactive, or has the wrong use type.
        case billingCodeRejected
        /// Autotask refuses the request; ``AutotaskError/remoteMessage`` says why.
        case rejected
        /// Autotask failed a write with an unknown text. The failure may be permanent or temporary.
        case unrecognized
        /// A proxy, firewall or gateway answered. The call did not reach Autotask.
        case intercepted
        /// A limit on threads or requests is reached.
        case rateLimited
        /// Autotask failed without naming a mistake in the request, or is busy.
        case unavailable
        /// No complete answer in time.
        case timedOut
        /// The job has to end now, so the call was cancelled or not made. This says nothing about Autotask.
        case outOfTime
        /// No complete answer.
        case network(HTTPError.Code)
        /// The answer does not have the form of Autotask's answers.
        case malformedResponse
        /// The worker may not call the host, or not with this header. Nothing was sent.
        case notAllowed
        /// The calling task was cancelled, the transport is shutting down, or this worker may no longer make the write.
        case cancelled
        /// The call was not attempted.
        case heldBack(HoldingReason)
    }

    /// The reason why a call is not attempted.
    package enum HoldingReason: Hashable, Sendable {
        /// That part of Autotask is not working at the moment.
        case outage
        /// Autotask has asked for a pause.
        case limits
        /// Much of the database's hourly quota is used; the rest is reserved for its other integrations.
        case quota
    }

    package let kind: Kind
    /// What happened. It is safe to log: it quotes neither the request nor the answer.
    package let message: String
    /// The HTTP status; `nil` without an answer.
    package let status: Int?
    /// Autotask's text without control characters and credentials, cut to 300 characters.
    package let remoteMessage: String?
    /// The pause that Autotask asks for, at most a day.
    package let retryAfter: Duration?
    /// Whether a write may have taken effect despite the error: then check before writing again. It is never set for a read.
    package let isOutcomeUnknown: Bool

    package init(
        _ kind: Kind,
        message: String? = nil,
        status: Int? = nil,
        remoteMessage: String? = nil,
        retryAfter: Duration? = nil,
        isOutcomeUnknown: Bool = false
    ) {
        self.kind = kind
        self.message = message ?? kind.explanation
        self.status = status
        self.remoteMessage = remoteMessage
        self.retryAfter = retryAfter
        self.isOutcomeUnknown = isOutcomeUnknown
    }
}

extension AutotaskError {
    /// Whether the same call may succeed later without human action.
    package var isTransient: Bool {
        switch kind {
        case .rateLimited, .unavailable, .unrecognized, .intercepted, .timedOut, .outOfTime, .network, .malformedResponse,
            .notServedHere, .cancelled, .heldBack:
            true
        case .unauthorized, .locked, .trackingIDRejected, .zoneNotFound, .accessDenied, .permissionDenied, .duplicateName,
            .billingCodeRejected, .rejected, .notAllowed:
            false
        }
    }

    /// Whether another zone may serve the database by now, so that one more zone look-up is worthwhile (`Rules` A17).
    package var mayMeanZoneMoved: Bool {
        switch kind {
        case .unauthorized, .notServedHere, .network(.nameNotResolved): true
        default: false
        }
    }
}

extension AutotaskError {
    /// A digest of the answer to a write whose outcome is unknown, to recognize the same answer. It ignores numbers, which differ each
    /// time. It is `nil` if the answer looks like an outage, or there was none.
    package var answerMark: String? {
        guard isOutcomeUnknown, status != nil else { return nil }
        switch kind {
        case .unrecognized: return ShortHash(["text", (remoteMessage ?? "").lowercased().filter(\.isLetter)]).description
        case .malformedResponse: return ShortHash(["page"]).description
        default: return nil
        }
    }

    /// The error for a write that got the same answer twice and had no effect.
    package var refusal: JobError {
        let remote = status.map { JobError.Remote(status: $0, message: remoteMessage) }
        guard kind == .malformedResponse else {
            return JobError(.remoteRejected, remoteMessage.map { "Autotask rejected the change: \($0)" }, remote: remote)
        }
        return JobError(
            .autotaskUnavailable,
            "Something other than Autotask answered the change twice, and nothing was written.",
            hint: "Check what is between the worker and Autotask: a proxy (AUTOTASK_PROXY), a firewall, a login page.",
            remote: remote
        )
    }
}

extension AutotaskError.Kind {
    var explanation: String {
        switch self {
        case .unauthorized: "Autotask did not accept the credentials"
        case .locked: "the API user is locked"
        case .trackingIDRejected: "Autotask did not accept the tracking identifier"
        case .zoneNotFound: "Autotask does not know the user name"
        case .notServedHere: "the zone does not serve the API"
        case .accessDenied: "Autotask denied access"
        case .permissionDenied(let verb, let object): "the API user may not \(verb) \(object)"
        case .duplicateName: "the name is taken"
        case .billingCodeRejected: "Autotask did not accept the billing code"
        case .rejected: "Autotask rejected the request"
        case .unrecognized: "Autotask failed for an unknown reason"
        case .intercepted: "something in front of Autotask answered"
        case .rateLimited: "Autotask is limiting requests"
        case .unavailable: "Autotask failed without a reason"
        case .timedOut: "no answer in time"
        case .outOfTime: "no answer before the job had to end"
        case .network: "no answer"
        case .malformedResponse: "the answer does not have the form of Autotask's answers"
        case .notAllowed: "the request is not allowed"
        case .cancelled: "the call was cancelled"
        case .heldBack: "the call is held back until Autotask works again"
        }
    }
}
