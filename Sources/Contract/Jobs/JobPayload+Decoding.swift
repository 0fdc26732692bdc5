extension JobPayload {
    /// Reads `data` by the schema of its kind.
    ///
    /// - Parameter acceptsClearCredentials: as in ``JobMessage/decoded(acceptsClearCredentials:)``; `true` for data that was accepted before.
    /// - Throws: what `job.rejected` will say; `field` names the member.
    package init(kind: JobKind, data: JSON, acceptsClearCredentials: Bool) throws(JobError) {
        let object: JSONObject
        switch data {
        case .object(let value): object = value
        case .null where kind.needsNoData: object = JSONObject()
        default: throw JobError(.jobInvalid, "data is not an object.", field: "data")
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

extension JobKind {
    /// Whether a job of this kind may come without `data`. A reset then lacks its confirmation, which says more than that it has no data.
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
        if member["secret"] != nil || member["username"] != nil {
            guard acceptsClearCredentials else {
                throw JobError(
                    .jobInvalid,
                    "Credentials must be sealed.",
                    hint: "Seal them with a published key.",
                    field: "data.credentials"
                )
            }
            credentials = .clear(JSON.object(member).encoded)
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
            throw JobError(
                .jobInvalid,
                "keyId is not 1 to \(SealedForm.maximumKeyID) bytes long.",
                field: "data.credentials.keyId"
            )
        }
        encapsulatedKey = try SealedCredentials.bytes(member, "enc")
        ciphertext = try SealedCredentials.bytes(member, "ciphertext")
    }

    private static func bytes(_ member: JSONObject, _ name: String) throws(JobError) -> [UInt8] {
        let text = try member.required(name, \.string, "a string", of: "data.credentials.")
        guard let bytes = Base64URL.decode(text) else {
            throw JobError(.jobInvalid, "\(name) is not base64url without padding.", field: "data.credentials.\(name)")
        }
        return bytes
    }
}

extension ResetPayload {
    fileprivate init(_ data: JSONObject) throws(JobError) {
        guard data["confirm"] == .bool(true) else { throw JobError(.resetNotConfirmed, field: "data.confirm") }
        reason = try data.optional("reason", \.string, "a string")
    }
}

extension SyncPayload {
    /// More services than this are no plan, but a mistake.
    private static let maximumServices = 1000
    /// And fewer than this have ever left one.
    private static let maximumRetired = 10_000
    /// All warnings of all services.
    private static let maximumAcknowledged = 10_000

    fileprivate init(_ data: JSONObject) throws(JobError) {
        planID = try data.required("planId", \.string, "a string")
        guard (1...128).contains(planID.utf8.count) else {
            throw JobError(.jobInvalid, "planId is not 1 to 128 bytes long.", field: "data.planId")
        }
        revision = try data.optional("revision", \.integer, "a whole number")
        let members = try data.required("services", \.array, "an array")
        guard members.count <= SyncPayload.maximumServices else {
            throw JobError(.jobInvalid, "services holds more than \(SyncPayload.maximumServices) services.", field: "data.services")
        }
        var keys: Set<String> = []
        services = []
        services.reserveCapacity(members.count)
        for (index, member) in members.enumerated() {
            let service = try PlanService(member, path: "data.services[\(index)].")
            guard keys.insert(service.key).inserted else {
                throw JobError(
                    .jobInvalid,
                    "Two services have the same key.",
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
                "services is empty, and retired names no service that leaves the plan.",
                hint: "A plan that ends names its last services under retired.",
                field: "data.services"
            )
        }
        acknowledged = try SyncPayload.acknowledged(data)
        acknowledgementRequired = try SyncPayload.acknowledgementRequired(data)
        adopted = try SyncPayload.adopted(data, among: services)
        previewID = try data.optional("previewId", \.string, "a string")
    }

    /// - Parameter keys: of the plan's services; those that are retired are added.
    private static func retired(_ data: JSONObject, besides keys: inout Set<String>) throws(JobError) -> [String] {
        let members = try data.optional("retired", \.array, "an array") ?? []
        guard members.count <= SyncPayload.maximumRetired else {
            throw JobError(.jobInvalid, "retired holds more than \(SyncPayload.maximumRetired) keys.", field: "data.retired")
        }
        var retired: [String] = []
        for member in members {
            guard let key = member.string, PlanService.isKey(key) else {
                throw JobError(.jobInvalid, "retired holds something that is not the key of a service.", field: "data.retired")
            }
            guard keys.insert(key).inserted else {
                throw JobError(
                    .jobInvalid,
                    "A retired service is still in the plan, or is named twice.",
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
                "acknowledge names more than \(SyncPayload.maximumAcknowledged) warnings.",
                field: "data.acknowledge"
            )
        }
        var acknowledged: Set<Acknowledgement> = []
        for member in members {
            guard let acknowledgement = member.string.flatMap(Acknowledgement.init) else {
                throw JobError(
                    .jobInvalid,
                    "acknowledge holds something that is neither the code of a warning nor a code and the key of a service.",
                    hint: "It looks like price_changed, or price_changed:license-monthly.",
                    field: "data.acknowledge"
                )
            }
            acknowledged.insert(acknowledgement)
        }
        return acknowledged
    }

    private static func acknowledgementRequired(_ data: JSONObject) throws(JobError) -> Set<Warning.Code> {
        let members = try data.optional("acknowledgeRequired", \.array, "an array") ?? []
        // One that is not known would be a brake that never brakes.
        let codes = members.compactMap { member in Warning.Code.stopping.first { $0.rawValue == member.string } }
        guard codes.count == members.count else {
            let known = Warning.Code.stopping.map(\.rawValue).sorted().joined(separator: ", ")
            throw JobError(
                .jobInvalid,
                "acknowledgeRequired holds something that is not the code of a warning that can stop a sync.",
                hint: "These can stop a sync: \(known).",
                field: "data.acknowledgeRequired"
            )
        }
        return Set(codes)
    }

    private static func adopted(_ data: JSONObject, among services: [PlanService]) throws(JobError) -> [String: Int64] {
        guard let members = try data.optional("adopt", \.object, "an object")?.members, !members.isEmpty else { return [:] }
        let keys = Set(services.map(\.key))
        var adopted: [String: Int64] = [:]
        var ids: Set<Int64> = []
        for member in members {
            guard keys.contains(member.name) else {
                throw JobError(.jobInvalid, "adopt names a service that is not in the plan.", field: "data.adopt")
            }
            guard let id = member.value.integer, id > 0 else {
                throw JobError(
                    .jobInvalid,
                    "adopt does not give the id of a service in Autotask.",
                    field: "data.adopt",
                    serviceKey: member.name
                )
            }
            guard ids.insert(id).inserted else {
                throw JobError(
                    .jobInvalid,
                    "Two services of the plan are to be linked to the service \(id) in Autotask.",
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
    fileprivate init(_ member: JSON, path: String) throws(JobError) {
        guard let object = member.object else { throw JobError(.jobInvalid, "A service is not an object.", field: String(path.dropLast())) }
        key = try object.required("key", \.string, "a string", of: path)
        guard PlanService.isKey(key) else { throw JobError(.jobInvalid, "key has characters that are not allowed.", field: path + "key") }
        guard let kind = object["type"]?.string.flatMap(Kind.init(rawValue:)) else {
            throw JobError(.jobInvalid, "type is not License, Server or Storage.", field: path + "type", serviceKey: key)
        }
        self.kind = kind
        name = object["name"]?.string ?? ""
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
        of path: String = "data."
    ) throws(JobError) -> Value {
        guard let value = try optional(name, read, form, of: path) else {
            throw JobError(.jobInvalid, "\(name) is missing.", field: path + name)
        }
        return value
    }

    fileprivate func optional<Value>(
        _ name: String,
        _ read: (JSON) -> Value?,
        _ form: String,
        of path: String = "data."
    ) throws(JobError) -> Value? {
        guard let member = self[name] else { return nil }
        guard let value = read(member) else { throw JobError(.jobInvalid, "\(name) is not \(form).", field: path + name) }
        return value
    }

    fileprivate func flag(_ name: String) throws(JobError) -> Bool? { try optional(name, \.bool, "true or false") }

    fileprivate func moment(_ name: String) throws(JobError) -> Timestamp? {
        try optional(name, { $0.string.flatMap(Timestamp.init) }, "a date-time of RFC 3339")
    }
}
