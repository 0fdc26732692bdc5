package import Contract

/// A service as Autotask shows it, reduced to what a sync compares or reports.
///
/// All but the identity may be missing: Autotask holds records from long before its present rules, and hides costs from some API users.
package struct Service: Hashable, Sendable {
    package var id: Int64
    package var name: String
    package var unitPrice: Money?
    /// `nil` where the API user cannot see costs, and where none was entered: the two look the same.
    package var unitCost: Money?
    package var billingCodeID: Int64?
    package var periodType: Int64?
    /// Autotask's own: never written.
    package var isActive: Bool?
    /// What stands in the field that was asked for as the marker's; `nil` for an empty one.
    package var marker: String?

    package init(
        id: Int64,
        name: String,
        unitPrice: Money?,
        unitCost: Money?,
        billingCodeID: Int64?,
        periodType: Int64?,
        isActive: Bool?,
        marker: String?
    ) {
        self.id = id
        self.name = name
        self.unitPrice = unitPrice
        self.unitCost = unitCost
        self.billingCodeID = billingCodeID
        self.periodType = periodType
        self.isActive = isActive
        self.marker = marker
    }
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

/// What a create sends. Autotask decides the rest, `isActive` included.
package struct NewService: Hashable, Sendable {
    package var name: String
    package var unitPrice: Money
    package var unitCost: Money?
    package var billingCodeID: Int64
    package var periodType: Int64
    package var marker: ServiceMarker?

    package init(
        name: String,
        unitPrice: Money,
        unitCost: Money?,
        billingCodeID: Int64,
        periodType: Int64,
        marker: ServiceMarker?
    ) {
        self.name = name
        self.unitPrice = unitPrice
        self.unitCost = unitCost
        self.billingCodeID = billingCodeID
        self.periodType = periodType
        self.marker = marker
    }
}

/// What an update changes: only what is not `nil` is sent, so that nothing else in Autotask is touched (`Rules` A9).
package struct ServicePatch: Hashable, Sendable {
    package var name: String?
    package var unitPrice: Money?
    package var unitCost: Money?
    package var billingCodeID: Int64?
    /// Only where ``ServiceFields/isPeriodUpdatable``: elsewhere Autotask ignores it silently.
    package var periodType: Int64?
    package var marker: ServiceMarker?

    package init(
        name: String? = nil,
        unitPrice: Money? = nil,
        unitCost: Money? = nil,
        billingCodeID: Int64? = nil,
        periodType: Int64? = nil,
        marker: ServiceMarker? = nil
    ) {
        self.name = name
        self.unitPrice = unitPrice
        self.unitCost = unitCost
        self.billingCodeID = billingCodeID
        self.periodType = periodType
        self.marker = marker
    }

    /// Whether there is nothing to change.
    package var isEmpty: Bool { self == ServicePatch() }
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
