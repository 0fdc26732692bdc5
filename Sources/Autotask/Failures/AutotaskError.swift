package import Contract
package import HTTP

/// Why a call to Autotask did not do what it was made for, sorted by what the answer says and not by its status alone: validation and
/// missing permissions come as 500 (`Rules`, "What Autotask imposes").
package struct AutotaskError: Error, Sendable {
    package enum Kind: Hashable, Sendable {
        /// 401 without a text, or with a page of IIS: a wrong user name, secret or tracking id, or the wrong zone; Autotask does not say which.
        /// Repeating it locks the API user.
        case unauthorized
        /// Autotask says that the API user is locked.
        case locked
        /// The tracking identifier is not accepted.
        case trackingIDRejected
        /// No zone serves the user name.
        case zoneNotFound
        /// A redirect or 404: this zone does not serve what every zone serves, so the database may have moved.
        case notServedHere
        /// 403.
        case accessDenied
        /// The API user may not do this; in words for people: `create`, `services`.
        case permissionDenied(verb: String, object: String)
        /// Another record has the name already.
        case duplicateName
        /// The billing code does not exist, is inactive or of the wrong use type.
        case billingCodeRejected
        /// Autotask refuses the request for what ``AutotaskError/remoteMessage`` says.
        case rejected
        /// Autotask failed at a write with an unknown text: for good, or temporarily.
        case unrecognized
        /// Something in front of Autotask answered: a proxy, a firewall, a gateway. Autotask was not reached.
        case intercepted
        /// A limit on threads or requests is reached.
        case rateLimited
        /// Autotask failed without saying what is wrong with the request, or says that it is busy.
        case unavailable
        /// No complete answer in time.
        case timedOut
        /// The job has to end now, so the call was cancelled, or not made: this says nothing about Autotask.
        case outOfTime
        /// No complete answer.
        case network(HTTPError.Code)
        /// The answer is not what Autotask answers.
        case malformedResponse
        /// The worker may not call the host, or not with such a header: nothing was sent.
        case notAllowed
        /// The calling task was cancelled, the transport is shutting down, or a write came too late to be still this worker's to make.
        case cancelled
        /// It was not even tried.
        case heldBack(HoldingReason)
    }

    /// Why a call is not even tried.
    package enum HoldingReason: Hashable, Sendable {
        /// That part of Autotask does not work at the moment.
        case outage
        /// Autotask has asked to be left alone.
        case limits
        /// So much of the database's hourly quota is used that the rest is left to its other integrations.
        case quota
    }

    package let kind: Kind
    /// What happened, safe to log: nothing of the request, nothing of the answer.
    package let message: String
    /// The HTTP status; `nil` without an answer.
    package let status: Int?
    /// What Autotask said, without control characters and credentials, cut to 300 characters.
    package let remoteMessage: String?
    /// How long Autotask asks to be left alone, at most a day.
    package let retryAfter: Duration?
    /// Whether a write may have taken effect although this came of it: then look before writing again. Never set for a read.
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
    /// Whether the same call may succeed later without anybody's doing.
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

    /// Whether another zone may serve the database by now, so that it is worth looking up again, once (`Rules` A17).
    package var mayMeanZoneMoved: Bool {
        switch kind {
        case .unauthorized, .notServedHere, .network(.nameNotResolved): true
        default: false
        }
    }
}

extension AutotaskError {
    /// A digest of the answer to a write whose outcome is open, to recognize the same answer again: numbers in a text differ
    /// each time. `nil` if the answer looks like an outage, or there was none.
    package var answerMark: String? {
        guard isOutcomeUnknown, status != nil else { return nil }
        switch kind {
        case .unrecognized: return ShortHash(["text", (remoteMessage ?? "").lowercased().filter(\.isLetter)]).description
        case .malformedResponse: return ShortHash(["page"]).description
        default: return nil
        }
    }

    /// The outcome of a write that got the same answer twice, and took no effect in between.
    package var refusal: JobError {
        let remote = status.map { JobError.Remote(status: $0, message: remoteMessage) }
        guard kind == .malformedResponse else {
            return JobError(.remoteRejected, remoteMessage.map { "Autotask rejected the change: \($0)" }, remote: remote)
        }
        return JobError(
            .autotaskUnavailable,
            "What answered the change twice was not Autotask, and nothing was written.",
            hint: "Check what is between the worker and Autotask: a proxy (AUTOTASK_PROXY), a firewall, a page to log in.",
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
        case .unrecognized: "Autotask failed for a reason that is not known"
        case .intercepted: "something in front of Autotask answered"
        case .rateLimited: "Autotask is limiting requests"
        case .unavailable: "Autotask failed without a reason"
        case .timedOut: "no answer in time"
        case .outOfTime: "no answer by the time at which the job ends"
        case .network: "no answer"
        case .malformedResponse: "the answer is not what Autotask answers"
        case .notAllowed: "the request is not allowed"
        case .cancelled: "the call was cancelled"
        case .heldBack: "the call is held back until Autotask works again"
        }
    }
}
