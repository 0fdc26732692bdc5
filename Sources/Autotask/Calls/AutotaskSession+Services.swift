import Contract

extension AutotaskSession {
    /// Reads the services that match any condition of the query, each once.
    ///
    /// It takes one call for each 500 conditions, more if more than 500 services match, and none for an empty query.
    ///
    /// A record without a readable id is left out if everything the query looks for is found without it.
    package func services(_ query: ServiceQuery) async throws(AutotaskError) -> [AutotaskService] {
        let markerField = query.markerField
        var conditions = query.ids.map { QueryCondition(field: "id", value: JSON($0)) }
        if let markerField { conditions += query.markers.map { QueryCondition(field: markerField.rawValue, value: .string($0)) } }
        conditions += query.names.map { QueryCondition(field: "name", value: .string($0)) }
        var hasUnidentified = false
        let services = try await records(
            anyOf: conditions,
            fields: AutotaskSession.fields(with: markerField),
            by: .queryServices,
            id: \.id
        ) { record in
            if let service = AutotaskService(record: record, markerField: markerField) { return .record(service) }
            guard let id = record[anyCase: "id"]?.wholeNumber else {
                hasUnidentified = true
                return .notOurs(id: nil)
            }
            return RecordReading(unreadable: record, id: id, of: query)
        }
        if hasUnidentified, !query.isAnswered(by: services) {
            throw AutotaskError(.malformedResponse, message: "a service without an id may be one that is looked for")
        }
        return services
    }

    /// Creates a service, which Autotask makes active, or updates only the fields that the write names. An empty update makes no call.
    ///
    /// Success means that Autotask accepted the request. It silently drops fields that the API user may not write, so read back what
    /// matters.
    ///
    /// - Returns: the service's id.
    /// - Throws: ``AutotaskError``. If its outcome is unknown, the service may exist: look for it before creating it again. The outcome is
    ///   also unknown after a success that does not name the service: something else may have answered, and the write may still take
    ///   effect.
    package func write(_ write: ServiceWrite) async throws(AutotaskError) -> Int64 {
        if let id = write.id, write.isEmpty { return id }
        var body = RequestBody()
        if let id = write.id { body.member("id", .number(id)) }
        for field in ManagedField.allCases { if let value = write.fields[field] { body.member(field.autotaskName, value) } }
        if let marker = write.marker { body.member(marker.field.rawValue, .text(marker.value)) }
        let answer = try await answer(to: write.id == nil ? .createService : .updateService, body: body.finished)
        let named = answer.body[anyCase: "itemId"]?.wholeNumber
        guard let id = write.id else {
            guard let named, named > 0 else { throw answer.malformed("the new service's id is missing") }
            return named
        }
        guard named == id else { throw answer.malformed("the answer to an update names another service, or none") }
        return id
    }

    private static func fields(with marker: ServiceMarker.Field?) -> QueryFields {
        switch marker {
        case nil: unmarkedFields
        case .internalID: internalIDFields
        case .sku: skuFields
        }
    }

    private static let commonFields = ["id"] + ManagedField.allCases.map(\.autotaskName) + ["isActive"]
    private static let unmarkedFields = QueryFields(commonFields)
    private static let internalIDFields = QueryFields(commonFields + [ServiceMarker.Field.internalID.rawValue])
    private static let skuFields = QueryFields(commonFields + [ServiceMarker.Field.sku.rawValue])
}

extension ServiceQuery {
    /// Whether there is a service for each id, name and marker.
    fileprivate func isAnswered(by services: [AutotaskService]) -> Bool {
        Set(ids).isSubset(of: services.map(\.id)) && Set(names).isSubset(of: services.map(\.name))
            && (markerField == nil || Set(markers).isSubset(of: services.compactMap(\.marker)))
    }
}

extension RecordReading<AutotaskService> {
    /// Reads as much as possible of an unreadable record. It is left out only if it is certainly not linked to the plan. To see which
    /// service has a name, fewer fields suffice.
    init(unreadable record: JSON, id: Int64, of query: ServiceQuery) {
        let field = query.markerField.flatMap { record[anyCase: $0.rawValue] } ?? .null
        // A number counts as its text: a proxy may have removed the quotes of a text of digits.
        let mark: String? = if case .number(let text) = field { text } else { field.string }
        guard !query.ids.contains(id),
            query.markers.isEmpty || field == .null || mark.map({ !query.markers.contains($0) }) == true
        else {
            self = .unreadable
            return
        }
        guard let name = record[anyCase: "name"]?.string else {
            self = .notOurs(id: id)
            return
        }
        guard name.utf8.count <= AnswerLimits.textBytes else {
            // Too long to keep, but it may be a name that the query looks for. Without it, the service would be created again.
            self = query.names.isEmpty ? .notOurs(id: id) : .unreadable
            return
        }
        let marker = field.string.flatMap { $0.isEmpty || $0.utf8.count > AnswerLimits.textBytes ? nil : $0 }
        self = .record(
            AutotaskService(id: id, fields: ManagedFields(name: name), isActive: record[anyCase: "isActive"]?.truth, marker: marker)
        )
    }
}

extension AutotaskService {
    /// Reads a record of a query; `nil` if it has no id or name, or a member of an unexpected type.
    init?(record: JSON, markerField: ServiceMarker.Field?) {
        guard case .object(let record) = record, let id = record[anyCase: "id"]?.wholeNumber, let fields = ManagedFields(record),
            let isActive = OptionalMember(record[anyCase: "isActive"], as: \.truth),
            let marker = OptionalMember(markerField.flatMap { record[anyCase: $0.rawValue] }, as: \.string)
        else { return nil }
        guard fields.name.utf8.count <= AnswerLimits.textBytes, marker.value.map({ $0.utf8.count <= AnswerLimits.textBytes }) ?? true else {
            return nil
        }
        self.init(id: id, fields: fields, isActive: isActive.value, marker: marker.value.flatMap { $0.isEmpty ? nil : $0 })
    }
}

/// A member that may be missing or null. Its initializer fails for a value of a wrong type.
struct OptionalMember<Value> {
    let value: Value?

    init?(_ json: JSON?, as read: (JSON) -> Value?) {
        guard let json, json != .null else {
            value = nil
            return
        }
        guard let value = read(json) else { return nil }
        self.value = value
    }
}
