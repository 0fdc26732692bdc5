extension JobMessage {
    /// The maximum size of a body (`Contract`, "Envelope"). The worker records and acknowledges a larger one without reading it.
    package static let maximumBodyBytes = 1 << 20
    /// The maximum length of a type in bytes, which is that of the AMQP property `type`.
    package static let maximumTypeBytes = 255

    /// Decodes the message by the contract: a CloudEvent in structured mode, of one of the job types, valid by its schema.
    ///
    /// Attributes and members that are `null` count as absent. Data in `data_base64` counts as data in `data`.
    ///
    /// - Parameter acceptsClearCredentials: whether this worker runs in development, where a connect may hold its secret in clear text.
    package func decoded(acceptsClearCredentials: Bool) -> DecodedMessage {
        guard oversized == nil, body.count <= JobMessage.maximumBodyBytes else {
            return unreadable(
                JobError(.jobInvalid, "The body is larger than 1 MiB.", hint: "Send a body of at most 1 MiB, under a new id.")
            )
        }
        let envelope: JSON
        let received: ArraySlice<UInt8>?
        do {
            let (json, range) = try JSON.parse(body, locating: "data")
            envelope = json.withoutNullMembers
            received = range.map { body[$0] }
        } catch {
            return unreadable(
                isBinary
                    ? .binaryMode
                    : JobError(
                        .jobInvalid,
                        "The body is not JSON: \(error).",
                        hint: "Send one CloudEvent as JSON in UTF-8, under a new id."
                    )
            )
        }
        let data = EventData(envelope, received)
        guard let type = envelope["type"]?.string, type.utf8.count <= JobMessage.maximumTypeBytes, type.hasPrefix(JobKind.typePrefix),
            let tenant = envelope["subject"]?.string.flatMap(TenantID.init),
            let id = envelope["id"]?.string.flatMap(JobID.init)
        else {
            return unreadable(isBinary ? .binaryMode : JobError(unidentified: envelope), product: data.product)
        }
        let identity = JobIdentity(
            id: id,
            lane: Lane(tenant: tenant, product: data.product ?? .workplace),
            type: type,
            traceparent: TraceContext.valid(envelope["traceparent"]?.string) ?? TraceContext.valid(traceparent),
            fingerprint: JobIdentity.fingerprint(type: type, tenant: tenant, data: data.json)
        )
        do throws(JobError) {
            try data.checkProduct()
            guard let kind = JobKind(type: type) else {
                throw JobError(unknownType: type)
            }
            try checkEnvelope(envelope, type: type, id: id)
            try checkProperties()
            if let error = data.error { throw error }
            try checkRoutingKey(kind: kind, tenant: tenant)
            let expiry = try envelope.moment("expirytime")
            try JobPayload.checkTypes(kind: kind, data: data.json)
            let job = Job(
                identity: identity,
                time: try envelope.moment("time"),
                expiry: expiry,
                payload: try JobPayload(kind: kind, data: data.json, acceptsClearCredentials: acceptsClearCredentials),
                data: data.bytes
            )
            return .job(job)
        } catch {
            return .refused(identity, error.asRefusal)
        }
    }

    /// The tenant in the routing key, if there is one.
    package var routedTenant: TenantID? {
        routingKey.split(separator: ".", maxSplits: 1).dropFirst().first.flatMap { TenantID(String($0)) }
    }

    /// Whether the message is a CloudEvent in binary mode: its attributes are headers, and its body is only the data.
    private var isBinary: Bool {
        guard binaryAttributes["specversion"] != nil || binaryAttributes["type"] != nil else { return false }
        return contentType.flatMap(MediaType.init)?.subtype.hasPrefix("cloudevents") != true
    }

    /// Refuses a message with an unreadable body. The refusal can be answered if routing key, AMQP properties or attributes of binary mode
    /// give tenant, id and type.
    ///
    /// - Parameter product: the product in the data; `nil` if the body was not parsed, so that its bytes are searched.
    private func unreadable(_ error: JobError, product: Product? = nil) -> DecodedMessage {
        guard let type = type.given ?? binaryAttributes["type"], type.hasPrefix(JobKind.typePrefix),
            type.utf8.count <= JobMessage.maximumTypeBytes,
            let id = (messageID.given ?? binaryAttributes["id"]).flatMap(JobID.init),
            let tenant = routedTenant ?? binaryAttributes["subject"].flatMap(TenantID.init)
        else { return .unreadable(error) }
        let identity = JobIdentity(
            id: id,
            lane: Lane(tenant: tenant, product: product ?? Product(writtenIn: body) ?? .workplace),
            type: type,
            traceparent: TraceContext.valid(traceparent),
            fingerprint: Array(type.utf8) + [0] + Array(tenant.description.utf8) + [0] + (oversized?.sha256 ?? body)
        )
        return .refused(identity, error.asRefusal)
    }

    private func checkEnvelope(_ envelope: JSON, type: String, id: JobID) throws(JobError) {
        guard envelope["specversion"]?.string == "1.0" else {
            throw .member("specversion", came: envelope["specversion"], due: "the string \"1.0\"")
        }
        guard let source = envelope["source"]?.string, !source.isEmpty else {
            throw .member("source", came: envelope["source"], due: "a URI reference of the portal")
        }
        if let contentType = contentType.given {
            let due = "application/cloudevents+json"
            guard let type = MediaType(contentType), type.essence == due, type.isUTF8 else {
                throw JobError(
                    .jobInvalid,
                    "The property content_type is \(contentType.mediaTypeInWords); expected \(due) in UTF-8.",
                    hint: "Set the property content_type to \(due), and send the message under a new id.",
                    field: "content_type"
                )
            }
        }
        if let member = envelope["datacontenttype"] {
            guard let type = member.string.flatMap(MediaType.init), type.isJSON, type.isUTF8 else {
                throw JobError(
                    envelope["data_base64"] == nil ? .jobInvalid : .notSupported,
                    "datacontenttype: expected application/json in UTF-8, got \(member.string?.mediaTypeInWords ?? member.typeInWords).",
                    hint: "Send the data as JSON, with datacontenttype application/json, under a new id.",
                    field: "datacontenttype"
                )
            }
        }
        if let messageID = messageID.given, messageID != id.description {
            throw JobError(
                .jobInvalid,
                "message_id differs from the CloudEvent's id.",
                hint: "Set the property message_id to the CloudEvent's id, and send the message under a new id.",
                field: "message_id"
            )
        }
        if let property = self.type.given, property != type {
            throw JobError(
                .jobInvalid,
                "The AMQP type differs from the CloudEvent's.",
                hint: "Set the property type to \(type), the CloudEvent's type, and send the message under a new id.",
                field: "type"
            )
        }
    }

    private func checkRoutingKey(kind: JobKind, tenant: TenantID) throws(JobError) {
        guard routingKey == "\(kind.rawValue).\(tenant)" else {
            throw JobError(
                .jobInvalid,
                "The routing key is not the job's kind and tenant.",
                hint: "Publish with the routing key \(kind.rawValue).\(tenant), under a new id.",
                field: "routing_key"
            )
        }
    }
}

extension Optional where Wrapped == String {
    /// The property unless it is empty: some clients send an empty one instead of none.
    fileprivate var given: String? { flatMap { $0.isEmpty ? nil : $0 } }
}

extension Product {
    /// The product in a body that is not valid JSON; `nil` if it names none, or both.
    ///
    /// It searches for the member's text. No JSON string contains that text, because a quote within a string is escaped.
    fileprivate init?(writtenIn body: [UInt8]) {
        let name = Array(#""product""#.utf8)
        var named: Set<Product> = []
        var rest = body[...]
        while let start = rest.firstIndex(of: UInt8(ascii: "\"")) {
            rest = rest[start...]
            guard rest.starts(with: name) else {
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst(name.count).drop(while: \.isJSONSpace)
            guard rest.first == UInt8(ascii: ":") else { continue }
            rest = rest.dropFirst().drop(while: \.isJSONSpace)
            for product in Product.allCases where rest.starts(with: "\"\(product.rawValue)\"".utf8) { named.insert(product) }
        }
        guard named.count == 1, let product = named.first else { return nil }
        self = product
    }
}

extension UInt8 {
    fileprivate var isJSONSpace: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }
}

extension JobError {
    /// The error for a member of a message that violates its schema.
    ///
    /// - Parameters:
    ///   - path: the path from the envelope's root: `data.services[0].unitPrice`.
    ///   - came: the received value; `nil` if it is missing. The message names its type and nothing of its value.
    ///   - due: what was expected, with its article.
    static func member(_ path: String, came: JSON?, due: String, serviceKey: String? = nil) -> JobError {
        member(path, cameInWords: came?.typeInWords, due: due, serviceKey: serviceKey)
    }

    /// - Parameter words: what was received, with its article and nothing of a value that may be a secret; `nil` if it is missing.
    static func member(_ path: String, cameInWords words: String?, due: String, serviceKey: String? = nil) -> JobError {
        JobError(
            .jobInvalid,
            words.map { "\(path): expected \(due), got \($0)." } ?? "\(path) is missing: expected \(due).",
            hint: "Send \(path) as \(due), under a new id.",
            field: path,
            serviceKey: serviceKey
        )
    }

    /// The error for a body that is JSON but has no usable type, tenant or id.
    fileprivate init(unidentified envelope: JSON) {
        guard envelope.object != nil else {
            self.init(
                .jobInvalid,
                "The body is \(envelope.typeInWords), not one CloudEvent.",
                hint: "Send each CloudEvent as a separate message: a JSON object with specversion, id, source, type and subject."
            )
            return
        }
        let due: [(name: String, form: String, isUsable: (String) -> Bool)] = [
            ("type", "a string of the form autotask.job.<kind>", { $0.hasPrefix(JobKind.typePrefix) && $0.utf8.count <= 255 }),
            ("subject", "the tenant, of the form ^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", { TenantID($0) != nil }),
            ("id", "a string of the form ^[A-Za-z0-9._:-]{1,128}$", { JobID($0) != nil }),
        ]
        let wrong = due.first { envelope[$0.name]?.string.map($0.isUsable) != true }
        let detail = wrong.map { JobError.member($0.name, came: envelope[$0.name], due: $0.form) }
        self.init(
            .jobInvalid,
            "The body is not a CloudEvent of type autotask.job.* with a usable id and subject: \(detail?.message ?? "")",
            hint: detail?.hint,
            field: detail?.field
        )
    }

    /// - Parameter type: an unknown type with the prefix of all jobs.
    fileprivate init(unknownType type: String) {
        let known = JobKind.allCases.map(\.type).joined(separator: ", ")
        self.init(
            .notSupported,
            "There is no job of type \(type.quotedForMessage).",
            hint: """
                Send one of these types, in exactly this spelling, under a new id: \(known). \
                Another version of the worker may know more.
                """,
            field: "type"
        )
    }

    fileprivate static let binaryMode = JobError(
        .notSupported,
        "The message is a CloudEvent in binary mode: its attributes are headers.",
        hint: """
            Publish in structured mode: the property content_type is application/cloudevents+json, and the body is the whole CloudEvent. \
            Use a new id.
            """,
        field: "content_type"
    )
}

extension JSON {
    /// An optional member with a date-time of RFC 3339.
    fileprivate func moment(_ name: String) throws(JobError) -> Timestamp? {
        guard let member = self[name] else { return nil }
        guard let moment = member.string.flatMap(Timestamp.init) else {
            throw .member(name, came: member, due: "a date-time of RFC 3339, such as \"2026-11-22T08:00:00Z\"")
        }
        return moment
    }
}
