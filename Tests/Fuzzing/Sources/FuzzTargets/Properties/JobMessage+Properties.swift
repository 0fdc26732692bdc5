import Contract

extension JobMessage {
    /// Checks the outcome of the message against the contract.
    func holdProperties(acceptsClearCredentials: Bool) throws(PropertyViolation) {
        let outcome = decoded(acceptsClearCredentials: acceptsClearCredentials)
        switch outcome {
        case .job(let job):
            try job.identity.holdProperties()
            try job.holdProperties()
            try hold(job.kind.type == job.identity.type, "a job has its identity's type")
            // Data from the store is read by the same rules, and is the same job.
            let kept = try hold(job.keptData, "a job's data is kept")
            let fingerprint = JobIdentity.fingerprint(type: job.identity.type, tenant: job.lane.tenant, data: kept)
            try hold(fingerprint == job.identity.fingerprint, "the kept data is the same job")
            let payload = try? JobPayload(kind: job.kind, data: kept, acceptsClearCredentials: true)
            try hold(payload?.kind == job.kind, "data that was accepted once is accepted again")
        case .refused(let identity, let error):
            try identity.holdProperties()
            try error.holdProperties(answering: identity)
        case .unreadable(let error):
            try error.holdProperties(answering: nil)
        }
        try holdAlikeness(of: outcome, acceptsClearCredentials: acceptsClearCredentials)
    }

    /// The same body in another encoding has the same outcome.
    private func holdAlikeness(of outcome: DecodedMessage, acceptsClearCredentials: Bool) throws(PropertyViolation) {
        guard oversized == nil, body.count <= JobMessage.maximumBodyBytes, let envelope = try? JSON(parsing: body) else { return }
        try envelope.holdProperties()
        try envelope.holdNumbers()
        for body in [envelope.encoded, envelope.reversed.encoded] {
            var other = self
            other.body = body
            // An error in the text itself names its place, and a body without information is known by its bytes.
            let again = other.decoded(acceptsClearCredentials: acceptsClearCredentials)
            try hold(again.essence(of: body) == outcome.essence(of: self.body), "the same body in another encoding has the same outcome")
        }
    }
}

extension DecodedMessage {
    fileprivate func essence(of body: [UInt8]) -> Essence {
        switch self {
        case .job(let job): Essence(kind: 0, fingerprint: job.identity.fingerprint, data: job.keptData?.canonical ?? [], error: nil)
        case .refused(let identity, let error):
            // If there is no CloudEvent, the fingerprint is the body.
            Essence(
                kind: 1,
                fingerprint: identity.fingerprint.suffix(body.count) == body[...] ? [] : identity.fingerprint,
                data: [],
                error: error
            )
        case .unreadable(let error): Essence(kind: 2, fingerprint: [], data: [], error: error)
        }
    }
}

private struct Essence: Equatable {
    var kind: Int
    var fingerprint: [UInt8]
    var data: [UInt8]
    var error: JobError?
}

extension JobIdentity {
    fileprivate func holdProperties() throws(PropertyViolation) {
        try hold(TenantID(lane.tenant.description) != nil && JobID(id.description) != nil, "names have the right form")
        try hold(traceparent == TraceContext.valid(traceparent), "an invalid traceparent is dropped")
    }
}

extension Job {
    /// The data as the store returns it.
    fileprivate var keptData: JSON? { (try? JSON(parsing: Array(data)))?.withoutNullMembers }

    fileprivate func holdProperties() throws(PropertyViolation) {
        for moment in [time, expiry].compactMap({ $0 }) { try moment.holdProperties() }
        switch payload {
        case .connect(let connect): try connect.firstConfiguredAt?.holdProperties()
        case .sync(let sync), .preview(let sync): try sync.holdProperties()
        case .reset, .billingCodes, .verify, .drift, .diagnose: break
        }
    }
}

extension SyncPayload {
    fileprivate func holdProperties() throws(PropertyViolation) {
        try hold(services.count <= 1000 && !(services.isEmpty && retired.isEmpty), "a plan holds 1 to 1000 services, or retires its last")
        try hold((1...512).contains(planID.utf8.count), "a plan's id has 1 to 512 bytes")
        try hold(planID.normalizedPlanID.utf8.elementsEqual(planID.utf8), "a plan's id is in its normalized form")
        let keys = services.map(\.key) + retired
        try hold(Set(keys).count == keys.count, "no two keys of a plan are the same")
        try hold(keys.allSatisfy { JobID($0) != nil }, "keys have the right form")
        try hold(
            adopted.allSatisfy { service in service.value > 0 && services.contains { $0.key == service.key } },
            "adopted services are the plan's"
        )
        try hold(Set(adopted.values).count == adopted.count, "a service is adopted once")
        try hold(acknowledged.allSatisfy { Acknowledgement($0.description) == $0 }, "an acknowledgement is read back from its text")
        for service in services {
            for amount in [service.unitCost.value, service.unitPrice.value].compactMap({ $0 }) {
                try hold(amount.tenThousandths >= 0 && amount.tenThousandths < 10_000_000_000_000_000, "an amount is within its range")
                try hold(Money(contract: amount.description) == amount, "an amount is read back from its text")
            }
            if let id = service.billingCodeID.value { try hold(id > 0, "an id is positive") }
        }
    }
}

extension JobError {
    /// The codes for which a message may be refused when it is read.
    private static let codes: Set<ErrorCode> = [.jobInvalid, .notSupported, .resetNotConfirmed]

    /// Checks a refusal against the contract: it has a known code, reveals nothing of the message, and fits an event.
    func holdProperties(answering identity: JobIdentity?) throws(PropertyViolation) {
        try hold(JobError.codes.contains(code), "a message is refused for \(code.rawValue)")
        try hold(!message.isEmpty && message.utf8.count <= 300 && hint.utf8.count <= 1000, "an error's texts have a readable length")
        try hold((field?.utf8.count ?? 0) <= 128, "the name of a member is short")
        // The error may always contain these names.
        let told = identity.map { "\($0.id) \($0.lane.tenant) \($0.type)" } ?? ""
        let names = "\(told) \(serviceKey ?? "")".utf8
        for canary in Canary.all where canary.spelling(in: names) == nil {
            for text in [message, hint, field ?? "", description] {
                try hold(canary.spelling(in: text.utf8) == nil, "an error does not quote the refused text")
            }
        }
        guard let identity else { return }
        let event = Event(
            id: "event",
            type: .jobRejected,
            lane: identity.lane,
            jobID: identity.id,
            time: Timestamp(millisecondsSinceEpoch: 0),
            traceparent: identity.traceparent,
            data: ["error": json]
        )
        let encoded = OrderedEvent(event: event, epoch: 0, sequence: 1).encoded
        let read = try hold(try? JSON(parsing: encoded), "an event is JSON")
        try hold(read["data"]?["error"]?["code"]?.string == code.rawValue, "an event contains its error")
        for canary in Canary.all where canary.spelling(in: names) == nil {
            try hold(canary.spelling(in: encoded) == nil, "an event does not quote the refused text")
        }
    }
}
