package import Contract

/// What `Services/entityInformation/fields` tells of a tenant's services: read at connect and kept with the connection.
package struct ServiceFields: Hashable, Sendable {
    /// The tenant's ids of the billing periods, found by their labels; `nil` for one that it does not offer.
    package var monthlyPeriodType: Int64?
    package var yearlyPeriodType: Int64?
    /// Whether the period of an existing service can be changed. Where the field is read-only, it is set at creation and never after.
    package var isPeriodUpdatable: Bool
    /// In characters; `nil` where Autotask does not say.
    package var maximumNameLength: Int?
    /// The fields that can hold the ownership marker, the preferred one first.
    package var markerFields: [ServiceMarker.Field]
    /// The warning about periods for a connect; it is not stored.
    package var periodDoubt: PeriodTypes.Doubt?

    /// Where the ownership marker goes; `nil` if the tenant has no field for it.
    package var markerField: ServiceMarker.Field? { markerFields.first }

    package init(
        monthlyPeriodType: Int64?,
        yearlyPeriodType: Int64?,
        isPeriodUpdatable: Bool,
        maximumNameLength: Int?,
        markerFields: [ServiceMarker.Field],
        periodDoubt: PeriodTypes.Doubt? = nil
    ) {
        self.monthlyPeriodType = monthlyPeriodType
        self.yearlyPeriodType = yearlyPeriodType
        self.isPeriodUpdatable = isPeriodUpdatable
        self.maximumNameLength = maximumNameLength
        self.markerFields = markerFields
        self.periodDoubt = periodDoubt
    }

    /// The tenant's id of a billing period; `nil` if it does not offer it.
    package func periodType(_ period: PlanService.Period) -> Int64? {
        switch period {
        case .monthly: monthlyPeriodType
        case .yearly: yearlyPeriodType
        }
    }
}

extension ServiceFields {
    /// What the store keeps.
    package var json: JSON {
        [
            "monthly": monthlyPeriodType.map { JSON($0) } ?? .null,
            "yearly": yearlyPeriodType.map { JSON($0) } ?? .null,
            "periodUpdatable": .bool(isPeriodUpdatable),
            "nameLength": maximumNameLength.map { JSON($0) } ?? .null,
            "markerFields": .array(markerFields.map { .string($0.rawValue) }),
            "periodsRule": JSON(PeriodTypes.rule),
        ]
    }

    /// Reads back ``json``; `nil` for anything else, and where an earlier version did not find a period that this one may find.
    package init?(json: JSON) {
        guard let isPeriodUpdatable = json["periodUpdatable"]?.bool, let markerFields = json["markerFields"]?.array,
            json["periodsRule"]?.integer == PeriodTypes.rule || json["monthly"]?.integer != nil && json["yearly"]?.integer != nil
        else { return nil }
        self.init(
            monthlyPeriodType: json["monthly"]?.integer,
            yearlyPeriodType: json["yearly"]?.integer,
            isPeriodUpdatable: isPeriodUpdatable,
            maximumNameLength: json["nameLength"]?.integer.map { Int($0) },
            markerFields: markerFields.compactMap { $0.string.flatMap(ServiceMarker.Field.init) }
        )
    }
}
