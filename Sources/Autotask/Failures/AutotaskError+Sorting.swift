import HTTP

extension AutotaskError {
    /// The failure that an answer reports.
    init(_ response: HTTPResponse, to operation: AutotaskOperation, redacting redaction: Redaction) {
        let text = FailureText(response.body)
        let kind = Kind(status: response.status, text: text, operation: operation)
        let leavesOutcomeOpen = [.unavailable, .unrecognized, .timedOut, .malformedResponse].contains(kind)
        self.init(
            kind,
            status: response.status,
            remoteMessage: (text.said ?? (kind == .unrecognized ? text.plain : nil)).flatMap { redaction.safeMessage($0) },
            retryAfter: Duration(retryAfterOf: response),
            isOutcomeUnknown: operation.isWrite && leavesOutcomeOpen
        )
    }

    /// The failure of a call that was not answered.
    init(_ error: HTTPError, during operation: AutotaskOperation) {
        let kind: Kind =
            switch error.code {
            case .timedOut: .timedOut
            case .outOfTime: .outOfTime
            case .notAllowed: .notAllowed
            case .cancelled, .withdrawn: .cancelled
            case .responseTooLarge: .malformedResponse
            case .nameNotResolved, .addressNotPublic, .cannotConnect, .tlsFailed, .certificateRejected, .connectionLost, .unexpected:
                .network(error.code)
            }
        self.init(
            kind,
            message: error.description,
            isOutcomeUnknown: operation.isWrite && error.mayHaveBeenSent
        )
    }
}

extension AutotaskError.Kind {
    /// Sorts a failure first by its text, then by its status.
    init(status: Int, text: FailureText, operation: AutotaskOperation) {
        if let kind = AutotaskError.Kind(text: text, operation: operation) {
            self = kind
            return
        }
        self =
            switch status {
            case 200..<300 where text.said != nil: AutotaskError.Kind(saying: text, to: operation)
            // A success status with errors in its body.
            case 200..<300: .malformedResponse
            case 300..<400, 404, 410: .notServedHere
            // Autotask refuses credentials with an empty body, ASP.NET's own sentence, or a page of its web server IIS. A zone look-up
            // sends no credentials, so they cannot be wrong.
            case 401 where text.isEmpty || text.said != nil || AutotaskError.Kind.isRefusalByIIS(text):
                operation == .zone ? .accessDenied : .unauthorized
            // nginx: its client had closed the connection.
            case 408, 499: .timedOut
            case 429: .rateLimited
            // Autotask never answers with these statuses.
            case 407, 421, 425: .intercepted
            // Nor does it answer with a page of HTML or an empty body.
            case 400..<500 where text.said == nil: .intercepted
            case 403 where !text.isInAutotasksForm: .intercepted
            case 403: .accessDenied
            case 400..<500: operation.isWrite || AutotaskError.Kind.isFinal(text) ? .rejected : .unavailable
            // From a gateway that got no answer from Autotask.
            case _ where AutotaskError.isOfGateway(status): .unavailable
            case 500..<600 where text.said == nil && (text.plain == nil || !operation.isWrite): .unavailable
            case 500..<600: AutotaskError.Kind(saying: text, to: operation)
            default: .malformedResponse
            }
    }

    /// Sorts a failure that Autotask explains. An unknown text may be in any language, and its cause temporary: a deadlock, a time-out, a
    /// server that stops. A read can be repeated; a write may have taken effect.
    private init(saying text: FailureText, to operation: AutotaskOperation) {
        if AutotaskError.Kind.blamesItself(text) {
            self = .unavailable
        } else if AutotaskError.Kind.isFinal(text) {
            self = .rejected
        } else {
            self = operation.isWrite ? .unrecognized : .unavailable
        }
    }

    /// Sorts by the text alone. A page may quote anything, so only a limit is recognized in it.
    ///
    /// The text about a duplicate quotes the name, which a person chose. For all other failures, quoted parts are ignored.
    private init?(text: FailureText, operation: AutotaskOperation) {
        let isSaid = text.said != nil
        if operation.isWrite, isSaid,
            text.quotesOrHasAny("ix_service", "unique key constraint", "duplicate key", "names must be unique", "already exists with name")
        {
            self = .duplicateName
        } else if text.hasAny("thread threshold", "itgenatr005", "request threshold", "too many requests", "rate limit") {
            self = .rateLimited
        } else if !isSaid {
            return nil
        } else if text.hasAny("account has been locked", "account is locked") {
            self = .locked
        } else if text.hasAny("integrationcode is invalid", "integration code is invalid") {
            self = .trackingIDRejected
        } else if text.hasAny("zone information could not be determined") {
            self = .zoneNotFound
        } else if text.hasAny("adequate permissions to") {
            let verb = AutotaskError.Kind.verbs.first { text.hasAny("permissions to \($0)") }
            self = .permissionDenied(verb: verb ?? operation.words.verb, object: operation.words.object)
        } else if text.hasAny("billingcode does not exist or is invalid", "existing entity for billingcodeid") {
            self = .billingCodeRejected
        } else {
            return nil
        }
    }

    private static let verbs = ["create", "update", "query"]

    /// Whether a page is one with which IIS answers 401, short or detailed. A gateway's page with the same words also counts: sending the
    /// credentials again may lock the API user, while connecting again takes a person a minute.
    private static func isRefusalByIIS(_ text: FailureText) -> Bool {
        text.hasAny("invalid credentials", "unauthorized: access is denied", "detailed error - 401", "http error 401.")
    }

    /// Whether the text reports a failure of Autotask, and no mistake in the request.
    private static func blamesItself(_ text: FailureText) -> Bool {
        let isHeadlineAlone =
            !text.sentences.isEmpty && !isFinal(text)
            && text.sentences.map(FailureText.withoutQuotations).allSatisfy { sentence in
                ["an unexpected error has occurred", "an error has occurred", "internal server error"].contains { sentence.contains($0) }
            }
        return isHeadlineAlone
            || text.hasAny(
                "deadlock victim",
                "deadlocked on lock",
                "lock request time out",
                "timeout expired",
                "timeout period elapsed",
                "transport-level error",
                "shutdown is in progress",
                "object reference not set"
            )
    }

    /// Whether the text refuses a faulty request.
    private static func isFinal(_ text: FailureText) -> Bool {
        text.endsSentence(with: " is required")
            || text.hasAny(
                "does not reference an existing entity",
                "you must assign",
                "must be between",
                "must be greater than",
                "must be less than",
                "must be unique",
                "duplicate data",
                "exceeds the maximum",
                "maximum length",
                "no matching records found",
                "value cannot be null",
                "invalid query syntax",
                "does not support http method",
                "already exists with name"
            ) || text.hasAny("unable to find ") && text.hasAny(" entity")
    }
}

extension AutotaskError {
    /// Whether a status comes from a gateway, load balancer or content network that could not reach Autotask.
    package static func isOfGateway(_ status: Int?) -> Bool {
        status.map { (502...504).contains($0) || (520...530).contains($0) } ?? false
    }
}
