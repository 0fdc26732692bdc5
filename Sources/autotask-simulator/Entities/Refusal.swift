/// The refusal of a well-formed call, which Autotask answers as HTTP 500 with `{"errors": […]}`.
///
/// Texts of the real API are marked "observed" or "documented"; the others are inferred from similar ones.
struct Refusal: Error {
    let messages: [String]

    init(_ messages: String...) {
        self.messages = messages
    }

    init(_ messages: [String]) {
        self.messages = messages
    }
}

extension Refusal {
    /// Observed.
    static func unknownField(_ name: String, in entity: Entity) -> Refusal {
        Refusal("Unable to find \(name) in the \(entity.singular) Entity")
    }

    /// Observed.
    static let missingQuery = Refusal("Value cannot be null.\r\nParameter name: queryModel")

    /// Documented, for SOAP.
    static let tooManyConditions = Refusal("Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions.")

    /// Observed for create; inferred for update.
    static func noPermission(to verb: String) -> Refusal {
        Refusal("The logged in Resource does not have the adequate permissions to \(verb) this entity type.")
    }

    /// Observed. Unlike the others, it ends without a full stop.
    static let noPermissionToQuery = Refusal("The logged in Resource does not have the adequate permissions to query this entity type")

    /// Observed for delete; inferred for update.
    static let nothingToUpdate = Refusal(
        "No message. No matching records found. The logged in Resource may not have the required permissions to update the data."
    )

    /// Observed for requests that make no sense.
    static let unexpected = Refusal(
        "An unexpected error has occurred.  If the problem persists, please contact Autotask Support and reference Error ID: 1166"
    )

    /// Observed by a peer on databases where names are unique.
    static func duplicateName(_ name: String) -> Refusal {
        Refusal(
            "Violation of UNIQUE KEY constraint 'IX_service'. Cannot insert duplicate key in object 'dbo.Service'. "
                + "The duplicate key value is (\(name))."
        )
    }
}
