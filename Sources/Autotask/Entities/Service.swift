/// A service as Autotask shows it, reduced to what a sync compares or reports.
///
/// All but the identity may be missing: Autotask holds records from long before its present rules, and hides costs from some API users.
package struct Service: Equatable, Sendable {
    package var id: Int64
    package var fields: ManagedFields
    /// Autotask's own: never written.
    package var isActive: Bool?
    /// The value of the field that was asked for as the marker's; `nil` for an empty one.
    package var marker: String?

    package init(id: Int64, fields: ManagedFields, isActive: Bool?, marker: String?) {
        self.id = id
        self.fields = fields
        self.isActive = isActive
        self.marker = marker
    }

    package var name: String { fields.name }
}

/// The text by which a service of ours is known again, and the field of the remote service that holds it (`Rules` A2).
package struct ServiceMarker: Hashable, Sendable {
    /// The fields that may hold it, the preferred one first.
    package enum Field: String, CaseIterable, Sendable {
        case internalID
        case sku
    }

    /// How long a marker is, in characters.
    package static let length = 32

    /// Whether a value may be a marker, of whomever: 32 hexadecimal digits. What an MSP itself writes into the field has other forms.
    package static func isWellFormed(_ value: String) -> Bool {
        value.utf8.count == length && value.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    package var field: Field
    package var value: String

    package init(field: Field, value: String) {
        self.field = field
        self.value = value
    }
}

/// One write of a service. Only the fields that it names are sent, so that nothing else in Autotask is touched (`Rules` A9); of a new
/// service Autotask decides the rest, `isActive` included.
package struct ServiceWrite: Equatable, Sendable {
    /// The service to update; `nil` to create one.
    package var id: Int64?
    /// A period is updated only where ``ServiceFields/isPeriodUpdatable``: elsewhere Autotask ignores it silently.
    package var fields: ManagedFields
    package var marker: ServiceMarker?

    package init(id: Int64? = nil, fields: ManagedFields = ManagedFields(), marker: ServiceMarker? = nil) {
        self.id = id
        self.fields = fields
        self.marker = marker
    }

    /// Whether there is nothing to change.
    package var isEmpty: Bool { fields.given.isEmpty && marker == nil }
}

/// Which services to read: those that match any one of the conditions.
package struct ServiceQuery: Hashable, Sendable {
    package var ids: [Int64]
    package var names: [String]
    package var markers: [String]
    /// The field that ``markers`` are looked for in, and that comes back as ``Service/marker``. Without it, markers are neither.
    package var markerField: ServiceMarker.Field?

    package init(ids: [Int64] = [], names: [String] = [], markers: [String] = [], markerField: ServiceMarker.Field?) {
        self.ids = ids
        self.names = names
        self.markers = markers
        self.markerField = markerField
    }

    /// How many calls it takes at least: one for each 500 conditions.
    package var minimumCalls: Int {
        let conditions = ids.count + names.count + (markerField == nil ? 0 : markers.count)
        return (conditions + AutotaskSession.maximumConditions - 1) / AutotaskSession.maximumConditions
    }
}
