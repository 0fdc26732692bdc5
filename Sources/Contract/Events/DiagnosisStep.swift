/// One step of a `connection.diagnosed`: what was checked, the result, and what to do about it.
package struct DiagnosisStep: Hashable, Sendable {
    /// The steps in order: each needs the steps before it.
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
        /// It works, but a person should check it.
        case warning
        /// A sync would fail or wait because of it.
        case failed
        /// An earlier step failed, or the result is not known.
        case skipped
    }

    package var name: Name
    package var result: Result
    package var message: String
    /// What to do next.
    package var hint: String?
    package var error: JobError?

    package init(_ name: Name, _ result: Result, _ message: String, hint: String? = nil) {
        self.name = name
        self.result = result
        self.message = message
        self.hint = hint
    }

    /// Creates a step that failed.
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
