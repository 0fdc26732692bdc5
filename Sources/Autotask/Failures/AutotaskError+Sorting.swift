import HTTP

extension AutotaskError {
    /// The failure that an answer stands for.
    init(_ response: HTTPResponse, to operation: AutotaskOperation, redacting redaction: Redaction) {
        let text = FailureText(response.body)
        let sorted = Kind(status: response.status, text: text, operation: operation)
        let kind = sorted == .notServedHere && response.redirectsToForbidden ? .redirectedElsewhere : sorted
        let leavesOutcomeOpen = [.unavailable, .timedOut, .malformedResponse].contains(kind)
        self.init(
            kind,
            status: response.status,
            remoteMessage: text.said.flatMap { redaction.safeMessage($0) },
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
            isOutcomeUnknown: operation.isWrite && error.mayHaveBeenSent,
            file: error.file,
            line: error.line
        )
    }
}

extension AutotaskError.Kind {
    /// Sorts a failure: first by what it says, then by its status.
    init(status: Int, text: FailureText, operation: AutotaskOperation) {
        if let told = AutotaskError.Kind(text: text, operation: operation) {
            self = told
            return
        }
        self =
            switch status {
            // A success that lists errors contradicts itself.
            case 200..<300: .malformedResponse
            case 300..<400, 404, 410: .notServedHere
            // Where no credentials are sent, none can be wrong.
            case 401: operation == .zone ? .accessDenied : .unauthorized
            case 403: .accessDenied
            case 408: .timedOut
            case 429: .rateLimited
            case 400..<500: .rejected
            // From something in front of Autotask, which did not come to a judgement.
            case 502, 503, 504: .unavailable
            case 500..<600: text.said == nil || AutotaskError.Kind.blamesItself(text) ? .unavailable : .rejected
            default: .malformedResponse
            }
    }

    /// What the text alone tells.
    ///
    /// A duplicate comes first because its text quotes the name, which a person chose; the others quote nothing of the kind.
    private init?(text: FailureText, operation: AutotaskOperation) {
        if text.hasAny("ix_service", "unique key constraint", "duplicate key", "names must be unique", "already exists with name") {
            self = .duplicateName
        } else if text.hasAny("thread threshold", "itgenatr005", "request threshold", "too many requests", "rate limit") {
            self = .rateLimited
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

    /// Whether the text says that Autotask failed, and not what is wrong with the request.
    private static func blamesItself(_ text: FailureText) -> Bool {
        text.hasAny(
            "deadlock victim",
            "deadlocked on lock",
            "lock request time out",
            "timeout expired",
            "timeout period elapsed",
            "an unexpected error has occurred",
            "an error has occurred",
            "object reference not set"
        )
    }
}
