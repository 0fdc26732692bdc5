package import Contract

extension AutotaskSession {
    /// Asks for the API's version, to learn whether the credentials work: it needs no permission of any kind.
    ///
    /// - Returns: Autotask's time, to the second, if it tells it.
    @discardableResult
    package func version() async throws(AutotaskError) -> Timestamp? {
        let answer = try await answer(to: .version)
        guard let major = answer.body["majorVersion"], major != .null else { throw answer.malformed("the version is missing") }
        return answer.date
    }

    /// How much of its quota the tenant's database has used.
    package func requestThreshold() async throws(AutotaskError) -> RequestThreshold {
        let answer = try await answer(to: .threshold)
        guard let threshold = RequestThreshold(thresholdInformation: answer.body) else {
            throw answer.malformed("the usage of the quota is incomplete")
        }
        return threshold
    }

    /// What the API user may do with services. Whether it sees costs is not among what Autotask tells: a service's own cost shows it.
    package func serviceAccess() async throws(AutotaskError) -> Capabilities {
        let answer = try await answer(to: .serviceAccess)
        guard let capabilities = Capabilities(entityInformation: answer.body) else {
            throw answer.malformed("the entity's information is incomplete")
        }
        return capabilities
    }

    /// What the tenant's services are like.
    package func serviceFields() async throws(AutotaskError) -> ServiceFields {
        let answer = try await answer(to: .serviceFields)
        guard let fields = ServiceFields(entityFields: answer.body) else {
            throw answer.malformed("the description of the fields is incomplete")
        }
        return fields
    }
}

extension Capabilities {
    /// Reads an answer of `Services/entityInformation`: the entity's own abilities, narrowed by the user's.
    init?(entityInformation json: JSON) {
        guard let info = json["info"]?.object, let canQuery = info["canQuery"]?.bool, let canCreate = info["canCreate"]?.bool,
            let canUpdate = info["canUpdate"]?.bool
        else { return nil }
        self.init(
            canQueryServices: canQuery && Capabilities.isGranted(info["userAccessForQuery"]),
            canCreateServices: canCreate && Capabilities.isGranted(info["userAccessForCreate"]),
            canUpdateServices: canUpdate && Capabilities.isGranted(info["userAccessForUpdate"]),
            costVisible: nil
        )
    }

    /// Whether a `userAccessFor…` is more than none. It is documented as 0 (none), 1 (all), 2 (restricted), and seen as words; one that
    /// says neither does not narrow anything.
    private static func isGranted(_ access: JSON?) -> Bool {
        access?.wholeNumber != 0 && access?.string?.lowercased() != "none"
    }
}

extension ServiceFields {
    /// Reads an answer of `Services/entityInformation/fields`.
    init?(entityFields json: JSON) {
        guard let list = json["fields"]?.array else { return nil }
        func field(_ name: String) -> JSON? { list.first { $0["name"]?.string == name } }
        guard let name = field("name"), let period = field("periodType"), let isPeriodReadOnly = period["isReadOnly"]?.bool else {
            return nil
        }
        func periodType(labelled label: String) -> Int64? {
            period["picklistValues"]?.array?.first { value in
                value["isActive"]?.bool != false && value["label"]?.string.map(ServiceFields.words) == label
            }?["value"]?.wholeNumber
        }
        self.init(
            monthlyPeriodType: periodType(labelled: "monthly"),
            yearlyPeriodType: periodType(labelled: "yearly"),
            isPeriodUpdatable: !isPeriodReadOnly,
            maximumNameLength: ServiceFields.knownLength(of: name),
            markerFields: ServiceMarker.Field.allCases.filter { marker in
                field(marker.rawValue).map(ServiceFields.canHoldMarker) ?? false
            }
        )
    }

    /// A label as it is compared: without case and outer spaces.
    private static func words(_ label: String) -> String {
        label.lowercased().split { $0.isWhitespace }.joined(separator: " ")
    }

    /// Zero, a negative number and nothing at all mean that Autotask does not say.
    private static func knownLength(of field: JSON) -> Int? {
        field["length"]?.wholeNumber.flatMap { Int(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    private static func canHoldMarker(_ field: JSON) -> Bool {
        field["dataType"]?.string?.lowercased() == "string" && field["isReadOnly"]?.bool == false && field["isQueryable"]?.bool != false
            && (knownLength(of: field) ?? Int.max) >= ServiceMarker.length
    }
}
