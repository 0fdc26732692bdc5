package import Contract

extension AutotaskSession {
    /// Asks for the API's version, to test the credentials: it needs no permission.
    ///
    /// - Returns: Autotask's time, to the second, if the answer has one.
    @discardableResult
    package func version() async throws(AutotaskError) -> Timestamp? {
        let answer = try await answer(to: .version)
        guard let major = answer.body[anyCase: "majorVersion"], major != .null else { throw answer.malformed("the version is missing") }
        return answer.date
    }

    /// Asks how much of its quota the tenant's database has used.
    package func requestThreshold() async throws(AutotaskError) -> RequestThreshold {
        let answer = try await answer(to: .threshold)
        guard let threshold = RequestThreshold(thresholdInformation: answer.body) else {
            throw answer.malformed("the usage of the quota is incomplete")
        }
        return threshold
    }

    /// Asks what the API user may do with services. Autotask does not report whether the user sees costs; only a service's cost shows that.
    package func serviceAccess() async throws(AutotaskError) -> Capabilities {
        let answer = try await answer(to: .serviceAccess)
        guard let capabilities = Capabilities(entityInformation: answer.body) else {
            throw answer.malformed("the entity's information is incomplete")
        }
        return capabilities
    }

    /// Asks for the properties of the tenant's service fields.
    package func serviceFields() async throws(AutotaskError) -> ServiceFields {
        let answer = try await answer(to: .serviceFields)
        guard let fields = ServiceFields(entityFields: answer.body) else {
            throw answer.malformed("the description of the fields is incomplete")
        }
        return fields
    }
}

extension Capabilities {
    /// Reads an answer of `Services/entityInformation`: what the entity allows, restricted to what the user may do.
    init?(entityInformation json: JSON) {
        guard let info = json[anyCase: "info"]?.object, let canQuery = info[anyCase: "canQuery"]?.truth,
            let canCreate = info[anyCase: "canCreate"]?.truth, let canUpdate = info[anyCase: "canUpdate"]?.truth
        else { return nil }
        self.init(
            canQueryServices: canQuery && Capabilities.isGranted(info[anyCase: "userAccessForQuery"]),
            canCreateServices: canCreate && Capabilities.isGranted(info[anyCase: "userAccessForCreate"]),
            canUpdateServices: canUpdate && Capabilities.isGranted(info[anyCase: "userAccessForUpdate"]),
            costVisible: nil
        )
    }

    /// Whether a `userAccessFor…` is more than none. It is documented as 0 (none), 1 (all), 2 (restricted), and was also seen as words. Any
    /// other value restricts nothing.
    private static func isGranted(_ access: JSON?) -> Bool {
        access?.wholeNumber != 0 && access?.string?.lowercased() != "none"
    }
}

extension ServiceFields {
    /// Reads an answer of `Services/entityInformation/fields`.
    init?(entityFields json: JSON) {
        guard let list = json[anyCase: "fields"]?.array else { return nil }
        func field(_ name: String) -> JSON? { list.first { $0[anyCase: "name"]?.string?.lowercased() == name.lowercased() } }
        guard let name = field("name"), let period = field("periodType"), let isPeriodReadOnly = period[anyCase: "isReadOnly"]?.truth else {
            return nil
        }
        let periods = PeriodTypes(picklist: period[anyCase: "picklistValues"]?.array ?? [])
        self.init(
            monthlyPeriodType: periods.monthly,
            yearlyPeriodType: periods.yearly,
            isPeriodUpdatable: !isPeriodReadOnly,
            maximumNameLength: ServiceFields.knownLength(of: name),
            markerFields: ServiceMarker.Field.allCases.filter { marker in
                field(marker.rawValue).map(ServiceFields.canHoldMarker) ?? false
            },
            periodDoubt: periods.doubt
        )
    }

    /// The length of a field; `nil` if it is zero, negative or missing, that is, not known.
    private static func knownLength(of field: JSON) -> Int? {
        field[anyCase: "length"]?.wholeNumber.flatMap { Int(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    private static func canHoldMarker(_ field: JSON) -> Bool {
        field[anyCase: "dataType"]?.string?.lowercased() == "string" && field[anyCase: "isReadOnly"]?.truth == false
            && field[anyCase: "isQueryable"]?.truth != false && (knownLength(of: field) ?? Int.max) >= ServiceMarker.length
    }
}
