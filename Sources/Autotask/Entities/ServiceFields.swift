package import Contract

/// Properties of a tenant's service fields from `Services/entityInformation/fields`, read at connect and kept with the connection.
package struct ServiceFields: Hashable, Sendable {
    /// The tenant's ids of the billing periods, found by their labels; `nil` for a period that the tenant does not offer.
    package var monthlyPeriodType: Int64?
    package var yearlyPeriodType: Int64?
    /// Whether the period of an existing service can be changed. A read-only period can be set only at creation.
    package var isPeriodUpdatable: Bool
    /// The maximum length of a name in characters; `nil` if Autotask does not report it.
    package var maximumNameLength: Int?
    /// The fields that can hold the ownership marker, the preferred one first.
    package var markerFields: [ServiceMarker.Field]
    /// The doubt about periods that a connect reports. It is not stored.
    package var periodDoubt: PeriodTypes.Doubt?

    /// The field for the ownership marker; `nil` if the tenant has none.
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

    /// The tenant's id of a billing period; `nil` if the tenant does not offer it.
    package func periodType(_ period: PlanService.Period) -> Int64? {
        switch period {
        case .monthly: monthlyPeriodType
        case .yearly: yearlyPeriodType
        }
    }
}

extension ServiceFields {
    /// The JSON that the store keeps.
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

    /// Reads ``json``; `nil` for anything else, and if an earlier version missed a period that this version may find.
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
