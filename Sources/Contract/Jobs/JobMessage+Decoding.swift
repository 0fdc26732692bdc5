extension JobMessage {
    /// The largest body that is read (`contract.md` 2). A larger one is recorded and acknowledged.
    package static let maximumBodyBytes = 1 << 20
    /// In bytes: the AMQP property that says the same has no room for more.
    package static let maximumTypeBytes = 255

    /// Reads the message by the contract: CloudEvents in structured mode, one of the job types, valid by its schema.
    ///
    /// - Parameter acceptsClearCredentials: whether this worker runs in development, where a connect may carry its secret in the clear.
    package func decoded(acceptsClearCredentials: Bool) -> DecodedMessage {
        guard oversized == nil, body.count <= JobMessage.maximumBodyBytes else {
            return unreadable(JobError(.jobInvalid, "The body is larger than 1 MiB."))
        }
        let envelope: JSON
        do { envelope = try JSON(parsing: body) } catch {
            return unreadable(JobError(.jobInvalid, "The body is not JSON: \(error)."))
        }
        guard let type = envelope["type"]?.string, type.utf8.count <= JobMessage.maximumTypeBytes, type.hasPrefix(JobKind.typePrefix),
            let tenant = envelope["subject"]?.string.flatMap(TenantID.init),
            let id = envelope["id"]?.string.flatMap(JobID.init)
        else {
            return unreadable(JobError(.jobInvalid, "The body is not a CloudEvent of type autotask.job.* with a usable id and subject."))
        }
        let data = envelope["data"] ?? .null
        let productMember = data["product"]
        let product = productMember == nil ? Product.workplace : productMember?.string.flatMap(Product.init(rawValue:))
        let identity = JobIdentity(
            id: id,
            lane: Lane(tenant: tenant, product: product ?? .workplace),
            type: type,
            traceparent: TraceContext.valid(envelope["traceparent"]?.string) ?? TraceContext.valid(traceparent),
            fingerprint: JobIdentity.fingerprint(type: type, tenant: tenant, data: data)
        )
        do throws(JobError) {
            guard product != nil else {
                throw JobError(.jobInvalid, "The product is neither workplace nor fileProtection.", field: "data.product")
            }
            guard let kind = JobKind(type: type) else {
                throw JobError(.notSupported, "There is no job of this type.", field: "type")
            }
            try checkEnvelope(envelope, type: type, id: id)
            try checkProperties()
            try checkRoutingKey(kind: kind, tenant: tenant)
            let expiry = try envelope.moment("expirytime")
            let job = Job(
                id: id,
                lane: identity.lane,
                time: try envelope.moment("time"),
                expiry: expiry,
                traceparent: identity.traceparent,
                payload: try JobPayload(kind: kind, data: data, acceptsClearCredentials: acceptsClearCredentials)
            )
            return .job(job, identity: identity, data: data)
        } catch {
            return .refused(identity, error)
        }
    }

    /// The tenant that the routing key names, if it names one.
    package var routedTenant: TenantID? {
        routingKey.split(separator: ".", maxSplits: 1).dropFirst().first.flatMap { TenantID(String($0)) }
    }

    /// A body that says nothing is still answered when the AMQP properties and the routing key name the tenant, the id and the type.
    private func unreadable(_ error: JobError) -> DecodedMessage {
        guard let type, type.hasPrefix(JobKind.typePrefix), let id = messageID.flatMap(JobID.init),
            let tenant = routedTenant
        else { return .unreadable(error) }
        let identity = JobIdentity(
            id: id,
            lane: Lane(tenant: tenant, product: .workplace),
            type: type,
            traceparent: TraceContext.valid(traceparent),
            fingerprint: Array(type.utf8) + [0] + Array(tenant.description.utf8) + [0] + (oversized?.sha256 ?? body)
        )
        return .refused(identity, error)
    }

    private func checkEnvelope(_ envelope: JSON, type: String, id: JobID) throws(JobError) {
        guard envelope["specversion"]?.string == "1.0" else { throw JobError(.jobInvalid, "specversion is not 1.0.", field: "specversion") }
        guard let source = envelope["source"]?.string, !source.isEmpty else {
            throw JobError(.jobInvalid, "source is missing.", field: "source")
        }
        if let contentType, !contentType.hasPrefix("application/cloudevents+json") {
            throw JobError(.jobInvalid, "The content type is not application/cloudevents+json.", field: "content_type")
        }
        if let member = envelope["datacontenttype"], member.string?.hasPrefix("application/json") != true {
            throw JobError(.jobInvalid, "datacontenttype is not application/json.", field: "datacontenttype")
        }
        if let messageID, messageID != id.description {
            throw JobError(.jobInvalid, "message_id differs from the CloudEvent's id.", field: "message_id")
        }
        if let property = self.type, property != type {
            throw JobError(.jobInvalid, "The AMQP type differs from the CloudEvent's.", field: "type")
        }
    }

    private func checkRoutingKey(kind: JobKind, tenant: TenantID) throws(JobError) {
        guard routingKey == "\(kind.rawValue).\(tenant)" else {
            throw JobError(.jobInvalid, "The routing key is not the job's kind and tenant.", field: "routing_key")
        }
    }
}

extension JSON {
    /// An optional RFC 3339 member.
    fileprivate func moment(_ name: String) throws(JobError) -> Timestamp? {
        guard let member = self[name] else { return nil }
        guard let moment = member.string.flatMap(Timestamp.init) else {
            throw JobError(.jobInvalid, "\(name) is not a date-time of RFC 3339.", field: name)
        }
        return moment
    }
}
