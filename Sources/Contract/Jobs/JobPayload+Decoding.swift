extension JobPayload {
    /// Decodes `data` by the schema of its kind. Values that a person entered may have any type here: see ``checkTypes(kind:data:)``.
    ///
    /// - Parameter acceptsClearCredentials: as in ``JobMessage/decoded(acceptsClearCredentials:)``; `true` for data that was accepted before.
    /// - Throws: the error that `job.rejected` reports; `field` names the member.
    package init(kind: JobKind, data: JSON, acceptsClearCredentials: Bool) throws(JobError) {
        let object: JSONObject
        switch data {
        case .object(let value): object = value
        case .null where kind.needsNoData: object = JSONObject()
        case .null: throw .member("data", came: nil, due: "an object")
        default: throw .member("data", came: data, due: "an object")
        }
        switch kind {
        case .connect: self = .connect(try ConnectPayload(object, acceptsClearCredentials: acceptsClearCredentials))
        case .sync: self = .sync(try SyncPayload(object))
        case .preview: self = .preview(try SyncPayload(object))
        case .reset: self = .reset(try ResetPayload(object))
        case .billingCodes: self = .billingCodes(BillingCodesPayload(refresh: try object.flag("refresh") ?? false))
        case .verify: self = .verify(VerifyPayload())
        case .drift: self = .drift(DriftPayload())
        case .diagnose: self = .diagnose(DiagnosePayload())
        }
    }
}

extension JobPayload {
    /// Checks the JSON types of values that a person entered, the form of the plan's id, and whether `firstConfiguredAt` was ever set. A
    /// wrong one is the portal's mistake, so the job is refused on arrival. A job that an earlier version accepted is not checked again.
    ///
    /// - Throws: `job_invalid` for the first member of a wrong type.
    static func checkTypes(kind: JobKind, data: JSON) throws(JobError) {
        if kind == .connect { try checkFirstConfiguredAt(data) }
        guard kind == .sync || kind == .preview else { return }
        if let planID = data["planId"]?.string {
            // Most ids are printable ASCII, which needs no Unicode properties.
            let isPlain = !planID.isEmpty && planID.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            if !isPlain, let words = JobPayload.mistake(inPlanID: planID) {
                throw .member("data.planId", cameInWords: words, due: "a string that is not blank and has no control characters")
            }
        }
        for (index, service) in (data["services"]?.array ?? []).enumerated() {
            func check(_ name: String, _ due: String, _ isDue: (JSON) -> Bool) throws(JobError) {
                guard let member = service[name], member != .null, !isDue(member) else { return }
                let key = service["key"]?.string.flatMap { PlanService.isKey($0) ? $0 : nil }
                throw .member("data.services[\(index)].\(name)", came: member, due: due, serviceKey: key)
            }
            try check("name", "a string", \.isText)
            try check("period", "the string \"Monthly\" or \"Yearly\"", \.isText)
            try check("unitCost", "a string such as \"4.50\"", \.isText)
            try check("unitPrice", "a string such as \"9.00\"", \.isText)
            try check("billingCodeId", "an integer of 64 bits") { $0.integer != nil }
        }
    }

    /// - Returns: a description of an invalid text, with its article.
    private static func mistake(inPlanID text: String) -> String? {
        if text.isEmpty { return "an empty string" }
        if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) { return "a string with a control character" }
        return text.unicodeScalars.allSatisfy(\.properties.isWhitespace) ? "a blank string" : nil
    }

    /// Refuses a moment that was never set: it is before every cutoff, and would pass the access gate.
    private static func checkFirstConfiguredAt(_ data: JSON) throws(JobError) {
        let field = "data.firstConfiguredAt"
        guard let moment = data["firstConfiguredAt"]?.string.flatMap(Timestamp.init), moment < .firstPlausible else { return }
        throw JobError(
            .jobInvalid,
            "\(field): expected a date-time since 2000-01-01, got \(moment). It looks like a date-time that was never set.",
            hint: "Send \(field) as the moment when the tenant first configured the integration, under a new id.",
            field: field
        )
    }
}

extension JSON {
    /// Whether it is a string, including one with half a surrogate pair: that is a mistake in the text, not in its type.
    fileprivate var isText: Bool {
        switch self {
        case .string, .brokenString: true
        default: false
        }
    }
}

extension JobKind {
    /// Whether a job of this kind may have no `data`. For a reset, the missing confirmation is the more useful error.
    fileprivate var needsNoData: Bool {
        switch self {
        case .reset, .billingCodes, .verify, .drift, .diagnose: true
        case .connect, .sync, .preview: false
        }
    }
}

extension ConnectPayload {
    fileprivate init(_ data: JSONObject, acceptsClearCredentials: Bool) throws(JobError) {
        let member = try data.required("credentials", \.object, "an object")
        if member["secret"].isGiven || member["username"].isGiven {
            guard acceptsClearCredentials else {
                throw JobError(
                    .jobInvalid,
                    "Credentials must be sealed.",
                    hint: "Seal them with a published key, under a new id.",
                    field: "data.credentials"
                )
            }
            credentials = .clear(JSON.object(member).withoutNullMembers.encoded)
        } else {
            credentials = .sealed(try SealedCredentials(member))
        }
        firstConfiguredAt = try data.moment("firstConfiguredAt")
        allowDatabaseChange = try data.flag("allowDatabaseChange") ?? false
    }
}

extension SealedCredentials {
    fileprivate init(_ member: JSONObject) throws(JobError) {
        keyID = try member.required("keyId", \.string, "a string", of: "data.credentials.")
        guard (1...SealedForm.maximumKeyID).contains(keyID.utf8.count) else {
            let came = keyID.isEmpty ? "an empty string" : "a string of \(keyID.utf8.count) bytes"
            throw .member("data.credentials.keyId", cameInWords: came, due: "a string of 1 to \(SealedForm.maximumKeyID) bytes")
        }
        encapsulatedKey = try SealedCredentials.bytes(member, "enc")
        ciphertext = try SealedCredentials.bytes(member, "ciphertext")
    }

    private static func bytes(_ member: JSONObject, _ name: String) throws(JobError) -> [UInt8] {
        let text = try member.required(name, \.string, "a string", of: "data.credentials.")
        guard let bytes = Base64URL.decode(text) else {
            throw .member("data.credentials.\(name)", came: .string(text), due: "a string of base64url without padding")
        }
        return bytes
    }
}

extension ResetPayload {
    fileprivate init(_ data: JSONObject) throws(JobError) {
        guard data["confirm"] == .bool(true) else {
            // Only true confirms, not a value that a program might treat as true.
            let came = data["confirm"].flatMap { $0.bool == nil && $0 != .null ? $0.typeInWords : nil }
            let message = came.map { "Confirm the reset first. data.confirm: expected true, got \($0)." }
            throw JobError(.resetNotConfirmed, message, field: "data.confirm")
        }
        reason = try data.optional("reason", \.string, "a string")
    }
}

extension SyncPayload {
    /// The maximum in Unicode code points, as `maxLength` of a JSON Schema counts.
    private static let maximumPlanID = 128
    /// A plan with more services than this is a mistake.
    private static let maximumServices = 1000
    /// No plan has lost as many services as this.
    private static let maximumRetired = 10_000
    /// More than all warnings of all services.
    private static let maximumAcknowledged = 10_000

    fileprivate init(_ data: JSONObject) throws(JobError) {
        let writtenID = try data.required("planId", \.string, "a string of 1 to 128 characters")
        let length = writtenID.unicodeScalars.count
        guard (1...SyncPayload.maximumPlanID).contains(length) else {
            let came = length == 0 ? "an empty string" : "a string of \(length) characters"
            throw .member("data.planId", cameInWords: came, due: "a string of 1 to \(SyncPayload.maximumPlanID) characters")
        }
        planID = writtenID.normalizedPlanID
        revision = try data.optional("revision", \.integer, "an integer of 64 bits")
        let members = try data.required("services", \.array, "an array")
        guard members.count <= SyncPayload.maximumServices else {
            throw JobError(
                .jobInvalid,
                "data.services: expected at most \(SyncPayload.maximumServices) services, got \(members.count).",
                hint: "Send every service of the plan in data.services, under a new id.",
                field: "data.services"
            )
        }
        var keys: Set<String> = []
        services = []
        services.reserveCapacity(members.count)
        for (index, member) in members.enumerated() {
            let service = try PlanService(member, path: { "data.services[\(index)]." })
            guard keys.insert(service.key).inserted else {
                throw JobError(
                    .jobInvalid,
                    "Two services have the same key.",
                    hint: "Give each service of the plan a unique key, and send the plan under a new id.",
                    field: "data.services[\(index)].key",
                    serviceKey: service.key
                )
            }
            services.append(service)
        }
        retired = try SyncPayload.retired(data, besides: &keys)
        guard !services.isEmpty || !retired.isEmpty else {
            throw JobError(
                .jobInvalid,
                "services and retired are both empty.",
                hint: "If the plan has ended, name its last services under retired. Send the plan under a new id.",
                field: "data.services"
            )
        }
        acknowledged = try SyncPayload.acknowledged(data)
        acknowledgementRequired = try SyncPayload.acknowledgementRequired(data)
        adopted = try SyncPayload.adopted(data, among: services)
        previewID = try data.optional("previewId", \.string, "a string")
    }

    /// - Parameter keys: the keys of the plan's services, to which the retired keys are added.
    private static func retired(_ data: JSONObject, besides keys: inout Set<String>) throws(JobError) -> [String] {
        let members = try data.optional("retired", \.array, "an array") ?? []
        guard members.count <= SyncPayload.maximumRetired else {
            throw JobError(
                .jobInvalid,
                "data.retired: expected at most \(SyncPayload.maximumRetired) keys, got \(members.count).",
                hint: "Name each retired service once, in one sync; later syncs do not repeat it. Send the plan under a new id.",
                field: "data.retired"
            )
        }
        var retired: [String] = []
        for (index, member) in members.enumerated() {
            guard let key = member.string, PlanService.isKey(key) else {
                throw .member("data.retired[\(index)]", came: member, due: "the key of a service, of the form ^[A-Za-z0-9._:-]{1,128}$")
            }
            guard keys.insert(key).inserted else {
                throw JobError(
                    .jobInvalid,
                    "A retired service is still in the plan, or is named twice.",
                    hint: "Name the key either in data.services or once in data.retired, and send the plan under a new id.",
                    field: "data.retired",
                    serviceKey: key
                )
            }
            retired.append(key)
        }
        return retired
    }

    private static func acknowledged(_ data: JSONObject) throws(JobError) -> Set<Acknowledgement> {
        let members = try data.optional("acknowledge", \.array, "an array") ?? []
        guard members.count <= SyncPayload.maximumAcknowledged else {
            throw JobError(
                .jobInvalid,
                "data.acknowledge: expected at most \(SyncPayload.maximumAcknowledged) warnings, got \(members.count).",
                hint: "Name the code of a warning alone to acknowledge it for all services, and send the plan under a new id.",
                field: "data.acknowledge"
            )
        }
        var acknowledged: Set<Acknowledgement> = []
        for (index, member) in members.enumerated() {
            guard let acknowledgement = member.string.flatMap(Acknowledgement.init) else {
                let due = "a string such as price_changed or price_changed:license-monthly"
                throw .member("data.acknowledge[\(index)]", came: member, due: due)
            }
            acknowledged.insert(acknowledgement)
        }
        return acknowledged
    }

    private static func acknowledgementRequired(_ data: JSONObject) throws(JobError) -> Set<Warning.Code> {
        let members = try data.optional("acknowledgeRequired", \.array, "an array") ?? []
        var codes: Set<Warning.Code> = []
        for (index, member) in members.enumerated() {
            // An unknown code would never stop a sync.
            guard let code = Warning.Code.stopping.first(where: { $0.rawValue == member.string }) else {
                let known = Warning.Code.stopping.map(\.rawValue).sorted().joined(separator: ", ")
                let path = "data.acknowledgeRequired[\(index)]"
                var error = JobError.member(path, came: member, due: "the code of a warning that can stop a sync")
                error.hint = "Send \(path) as one of these codes, under a new id: \(known)."
                throw error
            }
            codes.insert(code)
        }
        return codes
    }

    private static func adopted(_ data: JSONObject, among services: [PlanService]) throws(JobError) -> [String: Int64] {
        guard let members = try data.optional("adopt", \.object, "an object")?.members, !members.isEmpty else { return [:] }
        let keys = Set(services.map(\.key))
        var adopted: [String: Int64] = [:]
        var ids: Set<Int64> = []
        for member in members where member.value != .null {
            guard keys.contains(member.name) else {
                throw JobError(
                    .jobInvalid,
                    "data.adopt names \(PlanService.isKey(member.name) ? member.name : "a service"), which is not in data.services.",
                    hint: "Use only keys of data.services in data.adopt, and send the plan under a new id.",
                    field: "data.adopt",
                    serviceKey: PlanService.isKey(member.name) ? member.name : nil
                )
            }
            guard let id = member.value.integer, id > 0 else {
                let due = "a positive integer, the id of a service in Autotask"
                let came = member.value.integer == nil ? member.value.typeInWords : "a number that is not positive"
                var error = JobError.member("data.adopt.\(member.name)", cameInWords: came, due: due, serviceKey: member.name)
                // The field does not name the key, which alone may be too long.
                error.field = "data.adopt"
                throw error
            }
            guard ids.insert(id).inserted else {
                throw JobError(
                    .jobInvalid,
                    "data.adopt links two services of the plan to the service \(id) in Autotask.",
                    hint: "Link each service in Autotask to one service of the plan, and send the plan under a new id.",
                    field: "data.adopt",
                    serviceKey: member.name
                )
            }
            adopted[member.name] = id
        }
        return adopted
    }
}

extension PlanService {
    /// - Parameter path: makes the path of the members, which only errors name.
    fileprivate init(_ member: JSON, path: () -> String) throws(JobError) {
        guard let object = member.object else { throw .member(String(path().dropLast()), came: member, due: "an object") }
        key = try object.required("key", \.string, "a string of the form ^[A-Za-z0-9._:-]{1,128}$", of: path())
        guard PlanService.isKey(key) else {
            throw .member(path() + "key", came: .string(key), due: "a string of the form ^[A-Za-z0-9._:-]{1,128}$")
        }
        guard let kind = object["type"]?.string.flatMap(Kind.init(rawValue:)) else {
            let type = object["type"].isGiven ? object["type"] : nil
            throw .member(path() + "type", came: type, due: "License, Server or Storage", serviceKey: key)
        }
        self.kind = kind
        switch object["name"] {
        case .string(let text): name = text
        case .brokenString(_, let readable):
            name = readable
            hasBrokenName = true
        default: name = ""
        }
        period = Entered(object["period"]) { $0.string.flatMap(Period.init(rawValue:)) }
        unitCost = Entered(object["unitCost"]) { $0.string.flatMap(Money.init(contract:)) }
        unitPrice = Entered(object["unitPrice"]) { $0.string.flatMap(Money.init(contract:)) }
        billingCodeID = Entered(object["billingCodeId"]) { $0.integer.flatMap { $0 > 0 ? $0 : nil } }
    }
}

extension Entered {
    fileprivate init(_ member: JSON?, read: (JSON) -> Value?) {
        switch member {
        case nil, .null?: self = .missing
        case let member?: self = read(member).map(Entered.value) ?? .malformed
        }
    }
}

extension JSONObject {
    fileprivate func required<Value>(
        _ name: String,
        _ read: (JSON) -> Value?,
        _ form: String,
        of path: @autoclosure () -> String = "data."
    ) throws(JobError) -> Value {
        guard let value = try optional(name, read, form, of: path()) else { throw .member(path() + name, came: nil, due: form) }
        return value
    }

    /// - Returns: `nil` for a member that is missing or `null`.
    fileprivate func optional<Value>(
        _ name: String,
        _ read: (JSON) -> Value?,
        _ form: String,
        of path: @autoclosure () -> String = "data."
    ) throws(JobError) -> Value? {
        guard let member = self[name], member != .null else { return nil }
        guard let value = read(member) else { throw .member(path() + name, came: member, due: form) }
        return value
    }

    fileprivate func flag(_ name: String) throws(JobError) -> Bool? { try optional(name, \.bool, "true or false") }

    fileprivate func moment(_ name: String) throws(JobError) -> Timestamp? {
        try optional(name, { $0.string.flatMap(Timestamp.init) }, "a date-time of RFC 3339, such as \"2022-03-04T09:30:00Z\"")
    }
}

extension JSON? {
    /// Whether a member is present and not `null`.
    fileprivate var isGiven: Bool { self != nil && self != .some(.null) }
}
