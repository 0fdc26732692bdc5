/// The starting state of the simulator: the document of `--seed` and of `PUT /simulator/seed`.
struct Seed: Decodable, Sendable {
    var settings: SettingsChange?
    var databases: [DatabaseSeed]?
    var faults: [Fault]?
}

/// The starting state of one database: its properties, and the first change to it.
struct DatabaseSeed: Decodable, Sendable {
    let databaseID: Int64
    let zone: String
    /// The ids of the billing periods by label; `nil` for the publicly observed ones.
    let periodTypes: [String: Int64]?
    /// Differences from the usual metadata of services, by field name.
    let fields: [String: FieldChange]
    /// The id of the next new service; `nil` for one more than the highest.
    let nextServiceID: Int64?
    let content: DatabaseChange

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        databaseID = try container.decode(Int64.self, forKey: .databaseId)
        zone = try container.decode(String.self, forKey: .zone)
        periodTypes = try container.decodeIfPresent([String: Int64].self, forKey: .periodTypes)
        fields = try container.decodeIfPresent([String: FieldChange].self, forKey: .fields) ?? [:]
        nextServiceID = try container.decodeIfPresent(Int64.self, forKey: .nextServiceId)
        content = try DatabaseChange(from: decoder)
    }

    private enum CodingKeys: CodingKey {
        case databaseId, zone, periodTypes, fields, nextServiceId
    }
}

/// Differences from the usual metadata of a field of services.
struct FieldChange: Decodable, Sendable {
    var length: Int?
    var isReadOnly: Bool?
    var isMissing: Bool?

    func apply(to field: inout Field) {
        if let length { field.length = length }
        if let isReadOnly { field.isReadOnly = isReadOnly }
        if let isMissing { field.isMissing = isMissing }
    }
}
