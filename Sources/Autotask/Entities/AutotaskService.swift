/// A service as Autotask shows it, reduced to what a sync compares or reports.
///
/// Everything but id and name may be missing: Autotask has records that are older than its rules, and hides costs from some API users.
package struct AutotaskService: Hashable, Sendable {
    package var id: Int64
    package var fields: ManagedFields
    /// Whether the service is active in Autotask. The worker never writes it.
    package var isActive: Bool?
    /// The value of the marker field that was queried; `nil` if it is empty.
    package var marker: String?

    package init(id: Int64, fields: ManagedFields, isActive: Bool?, marker: String?) {
        self.id = id
        self.fields = fields
        self.isActive = isActive
        self.marker = marker
    }

    package var name: String { fields.name }
}

/// An ownership marker, and the field of the service in Autotask that holds it (`Rules` A2).
package struct ServiceMarker: Hashable, Sendable {
    /// The fields that may hold it, the preferred one first.
    package enum Field: String, CaseIterable, Sendable {
        case internalID
        case sku
    }

    /// The length of a marker in characters.
    package static let length = 32

    /// Whether a value has the form of a marker: 32 hexadecimal digits. Values that MSPs enter in the field have other forms.
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

/// One write of a service. The worker sends only the fields that it names, so nothing else in Autotask changes (`Rules` A9). Autotask sets
/// the other fields of a new service, including `isActive`.
package struct ServiceWrite: Hashable, Sendable {
    /// The service to update; `nil` to create one.
    package var id: Int64?
    /// The fields to write. A period is updated only if ``ServiceFields/isPeriodUpdatable``: otherwise Autotask silently ignores it.
    package var fields: ManagedFields
    package var marker: ServiceMarker?

    package init(id: Int64? = nil, fields: ManagedFields = ManagedFields(), marker: ServiceMarker? = nil) {
        self.id = id
        self.fields = fields
        self.marker = marker
    }

    /// Whether the write changes nothing.
    package var isEmpty: Bool { fields.given.isEmpty && marker == nil }
}

/// A query for the services that match any of the conditions.
package struct ServiceQuery: Hashable, Sendable {
    package var ids: [Int64]
    package var names: [String]
    package var markers: [String]
    /// The field in which to look for ``markers``, returned as ``AutotaskService/marker``. If it is `nil`, markers are not looked for and not
    /// returned.
    package var markerField: ServiceMarker.Field?

    package init(ids: [Int64] = [], names: [String] = [], markers: [String] = [], markerField: ServiceMarker.Field?) {
        self.ids = ids
        self.names = names
        self.markers = markers
        self.markerField = markerField
    }

    /// The minimum number of calls: one for each 500 conditions.
    package var minimumCalls: Int {
        let conditions = ids.count + names.count + (markerField == nil ? 0 : markers.count)
        return (conditions + AutotaskSession.maximumConditions - 1) / AutotaskSession.maximumConditions
    }
}
