/// One step of a `connection.diagnosed`: what was looked at, how it is, and what to do about it.
package struct DiagnosisStep: Hashable, Sendable {
    /// In the order in which each needs those before it.
    package enum Name: String, CaseIterable, Sendable {
        case connection
        case nameResolution
        case tls
        case zone
        case credentials
        case queryServices
        case createServices
        case updateServices
        case queryBillingCodes
        case costVisibility
        case quota
        case clock
    }

    package enum Result: String, Sendable {
        case passed
        /// It works, and somebody should look at it.
        case warning
        /// A sync would fail for it, or wait.
        case failed
        /// A step before it failed, or nothing tells.
        case skipped
    }

    package var name: Name
    package var result: Result
    package var message: String
    /// What to do about it.
    package var hint: String?
    package var error: JobError?

    package init(_ name: Name, _ result: Result, _ message: String, hint: String? = nil) {
        self.name = name
        self.result = result
        self.message = message
        self.hint = hint
    }

    /// One that failed.
    package init(_ name: Name, _ error: JobError) {
        self.init(name, .failed, error.message, hint: error.hint)
        self.error = error
    }

    package var json: JSON {
        var object: JSONObject = ["step": .string(name.rawValue), "result": .string(result.rawValue), "message": .string(message)]
        if let hint { object["hint"] = .string(hint) }
        if let error { object["error"] = error.json }
        return .object(object)
    }
}
