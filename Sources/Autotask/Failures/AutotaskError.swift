package import Contract
package import HTTP

/// Why a call to Autotask did not do what it was made for, sorted by what the answer says and not by its status alone: validation and
/// missing permissions come as 500 (`rules.md` 3 and 5).
package struct AutotaskError: Error, Sendable {
    package enum Kind: Hashable, Sendable {
        /// 401 without a text: a wrong user name, secret or tracking id, or the wrong zone; which of them Autotask does not say.
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
        /// The API user may not do this to such an entity.
        case permissionDenied(verb: String, entity: String)
        /// Another record has the name, or another unique value, already.
        case duplicateName
        /// The billing code does not exist, is inactive or of the wrong use type.
        case billingCodeRejected
        /// Autotask refuses the request for what it says.
        case rejected
        /// A limit on threads or requests is reached.
        case rateLimited
        /// Autotask failed without saying what is wrong with the request, or says that it is busy.
        case unavailable
        /// No complete answer in time.
        case timedOut
        /// No complete answer.
        case network(HTTPError.Code)
        /// The answer is not what Autotask answers.
        case malformedResponse
        /// The worker may not call the host, or not with such credentials: nothing was sent.
        case notAllowed
        /// The calling task was cancelled.
        case cancelled
    }

    package let kind: Kind
    /// The HTTP status; `nil` without an answer.
    package let status: Int?
    /// What Autotask said, without control characters and credentials, cut to 300 characters.
    package let remoteMessage: String?
    /// What Autotask asked to be left alone for.
    package let retryAfter: Duration?
    /// Whether a write may have taken effect although this error came of it: then look before writing again.
    package let isOutcomeUnknown: Bool
    package let file: String
    package let line: Int

    package init(
        _ kind: Kind,
        status: Int? = nil,
        remoteMessage: String? = nil,
        retryAfter: Duration? = nil,
        isOutcomeUnknown: Bool = false,
        file: String = #fileID,
        line: Int = #line
    ) {
        self.kind = kind
        self.status = status
        self.remoteMessage = remoteMessage
        self.retryAfter = retryAfter
        self.isOutcomeUnknown = isOutcomeUnknown
        self.file = file
        self.line = line
    }
}

extension AutotaskError {
    /// Whether the same call may succeed later without anybody's doing.
    package var isTransient: Bool { fatalError() }

    /// Whether the database may be served by another zone by now, so that the zone is to be looked up again, once (`rules.md` A17).
    package var mayMeanZoneMoved: Bool { fatalError() }

    /// The error as events tell it. A `retryAt` is for the caller to add.
    package var jobError: JobError { fatalError() }
}
