import Contract

/// The metadata of an entity in the API, and the form of its records in answers.
struct Entity: Sendable {
    enum Name: String, Sendable {
        case services = "Services"
        case billingCodes = "BillingCodes"
    }

    let name: Name
    /// The name in metadata and errors: `Service`.
    let singular: String
    let isWritable: Bool
    var fields: [Field]
    /// The indices of the fields by their names in lower case.
    private let places: [String: Int]

    init(name: Name, singular: String, isWritable: Bool, fields: [Field]) {
        self.name = name
        self.singular = singular
        self.isWritable = isWritable
        self.fields = fields
        places = Dictionary(uniqueKeysWithValues: fields.enumerated().map { ($1.name.lowercased(), $0) })
    }

    /// The index of a field that this database has, by its name in any letter case.
    func index(of field: String) -> Int? {
        places[field.lowercased()].flatMap { fields[$0].isMissing ? nil : $0 }
    }

    /// A record as a query returns it.
    ///
    /// - Parameter included: the indices of the fields to show; empty for all.
    func json(_ record: Record, including included: Set<Int> = []) -> JSON {
        var members = JSONObject()
        for (index, field) in fields.enumerated() where !field.isMissing && (included.isEmpty || included.contains(index)) {
            members[field.name] = record.values[index].json
        }
        members["userDefinedFields"] = []
        return .object(members)
    }

    var fieldsJSON: JSON {
        ["fields": .array(fields.filter { !$0.isMissing }.map(\.json))]
    }

    /// - Parameter asNumbers: whether access is 0, 1, 2 (as documented) or `None`, `All`, `Restricted` (as in a public client). No source
    ///   says which one the real API sends.
    func information(for security: APIUser.Security, asNumbers: Bool) -> JSON {
        func access(_ isGranted: Bool) -> JSON {
            let access: Access = !isGranted ? .none : security == .restrictedVisibility && name == .services ? .restricted : .all
            return asNumbers ? .integer(access.rawValue) : .string(access.label)
        }
        return [
            "info": [
                "name": .string(singular),
                "canCreate": .bool(isWritable),
                "canDelete": false,
                "canQuery": true,
                "canUpdate": .bool(isWritable),
                "userAccessForCreate": access(isWritable && security.mayWrite),
                "userAccessForDelete": access(false),
                "userAccessForQuery": access(security.mayQuery),
                "userAccessForUpdate": access(isWritable && security.mayWrite),
                "hasUserDefinedFields": false,
                "supportsWebhookCallouts": false,
            ]
        ]
    }

    private enum Access: Int {
        case none, all, restricted

        var label: String {
            switch self {
            case .none: "None"
            case .all: "All"
            case .restricted: "Restricted"
            }
        }
    }
}
