/// An error as events carry it (`Contract`, "Events"). It never holds a secret, not even one that Autotask echoed.
package struct JobError: Error, Hashable, Sendable {
    /// Autotask's own answer.
    package struct Remote: Hashable, Sendable {
        /// The HTTP status.
        package var status: Int
        /// Its text, sanitised.
        package var message: String?

        package init(status: Int, message: String?) {
            self.status = status
            self.message = message
        }
    }

    /// A service in Autotask that conflicts with a service of the plan.
    package struct ConflictingService: Hashable, Sendable {
        package var id: Int64
        package var name: String
        /// `nil` if Autotask does not report it.
        package var isActive: Bool?

        package init(id: Int64, name: String, isActive: Bool?) {
            self.id = id
            self.name = name
            self.isActive = isActive
        }

        var json: JSON { ["autotaskServiceId": JSON(id), "name": .string(name), "active": isActive.map(JSON.bool) ?? .null] }
    }

    package var code: ErrorCode
    package var message: String
    package var hint: String
    /// Whether the same request may succeed later without human action: the code's value, unless this error overrides it.
    package var isRetryable: Bool
    /// Who can fix it: the code's value, unless this error overrides it.
    package var fixableBy: FixableBy
    /// When the worker tries again, if it does.
    package var retryAt: Timestamp?
    /// The member of the job or of the service that caused the error: `unitPrice`.
    package var field: String?
    package var serviceKey: String?
    package var remote: Remote?
    /// The service in Autotask that conflicts.
    package var conflict: ConflictingService?

    /// Creates an error with the catalogue's texts, or with more specific ones.
    package init(
        _ code: ErrorCode,
        _ message: String? = nil,
        hint: String? = nil,
        isRetryable: Bool? = nil,
        fixableBy: FixableBy? = nil,
        retryAt: Timestamp? = nil,
        field: String? = nil,
        serviceKey: String? = nil,
        remote: Remote? = nil,
        conflict: ConflictingService? = nil
    ) {
        self.code = code
        self.message = message ?? code.properties.message
        self.hint = hint ?? code.properties.hint
        self.isRetryable = isRetryable ?? code.properties.isRetryable
        self.fixableBy = fixableBy ?? code.properties.fixableBy
        self.retryAt = retryAt
        self.field = field
        self.serviceKey = serviceKey
        self.remote = remote
        self.conflict = conflict
    }

    /// The error of a job that the worker tries again at that moment. A message from the catalogue then announces the retry.
    package func triedAgain(at moment: Timestamp) -> JobError {
        var error = self
        error.retryAt = moment
        error.isRetryable = true
        switch code {
        case .rateLimited: error.message += " We will continue at \(moment)."
        case .autotaskUnavailable, .timeout, .network: if message == code.properties.message { error.message += " We will retry." }
        default: break
        }
        return error
    }

    /// The error with the job's id if it is internal, so that support can find the cause: users see neither the worker's log nor its store.
    package func referring(to job: JobID) -> JobError {
        guard code == .internal else { return self }
        var error = self
        error.message = "\(code.properties.message) Reference \(job)."
        return error
    }

    /// The error as a refusal carries it. The refused message has claimed its id, and a corrected message with that id would get the same
    /// refusal. So the hint asks for a new id, if it does not already.
    package var asRefusal: JobError {
        guard !hint.contains("new id") else { return self }
        var error = self
        error.hint += " Send it under a new id."
        return error
    }

    package var json: JSON {
        let properties = code.properties
        var object: JSONObject = [
            "code": .string(code.rawValue),
            "category": .string(properties.category.rawValue),
            "retryable": .bool(isRetryable),
        ]
        if let retryAt { object["retryAt"] = .string(retryAt.description) }
        object["fixableBy"] = .string(fixableBy.rawValue)
        object["message"] = .string(message)
        object["hint"] = .string(hint)
        if let field { object["field"] = .string(field) }
        if let serviceKey { object["serviceKey"] = .string(serviceKey) }
        if let remote {
            var answer: JSONObject = ["status": JSON(remote.status)]
            if let message = remote.message { answer["message"] = .string(message) }
            object["remote"] = .object(answer)
        }
        if let conflict { object["conflict"] = conflict.json }
        return .object(object)
    }
}

extension JobError: CustomStringConvertible {
    /// Safe to log.
    package var description: String { "\(code.rawValue): \(message)" }
}

/// A problem that did not stop the work, but that the MSP should know.
package struct Warning: Hashable, Sendable {
    package enum Code: String, CaseIterable, Sendable {
        /// The API user cannot see costs, so Autotask ignored the unit cost.
        case costNotStored = "cost_not_stored"
        /// The unit cost is higher than the unit price.
        case negativeMargin = "negative_margin"
        /// The bound service was gone, so it was created again: contracts do not refer to the new one.
        case serviceRecreated = "service_recreated"
        /// The API user may read but not write services: a sync will fail.
        case readOnly = "read_only"
        /// Two services in Autotask carry the ownership marker of one service of the plan; the first is used.
        case duplicateService = "duplicate_service"
        /// The unit price changes by more than the configured percentage of the one synced last.
        case priceChanged = "price_changed"
        /// The service is inactive in Autotask: a sync updates it, but does not activate it.
        case serviceInactive = "service_inactive"
        /// The plan overwrites an edit made in Autotask.
        case editOverwritten = "edit_overwritten"
        /// The service's billing code was inactivated in Autotask: the service keeps it, but no other service can get it.
        case billingCodeInactive = "billing_code_inactive"
        /// Billing periods were found by their usual values in Autotask, since none of their labels is known.
        case periodAssumed = "period_assumed"
        /// Autotask lists no known monthly, or no known yearly, billing period: a sync with a service of that period fails.
        case periodUnsupported = "period_unsupported"

        /// The warnings that can stop a sync until they are acknowledged: the worker knows them before it writes anything.
        package static let stopping: Set<Code> = [
            .priceChanged, .negativeMargin, .serviceInactive, .editOverwritten, .costNotStored, .serviceRecreated, .duplicateService,
        ]
    }

    package var code: Code
    package var message: String
    package var field: String?
    package var serviceKey: String?
    /// Whether it stops a sync that does not acknowledge it, before any write.
    package var needsAcknowledgement: Bool

    package init(_ code: Code, _ message: String, field: String? = nil, serviceKey: String? = nil, needsAcknowledgement: Bool = false) {
        self.code = code
        self.message = message
        self.field = field
        self.serviceKey = serviceKey
        self.needsAcknowledgement = needsAcknowledgement
    }

    package var json: JSON {
        var object: JSONObject = ["code": .string(code.rawValue), "message": .string(message)]
        if let field { object["field"] = .string(field) }
        if let serviceKey { object["serviceKey"] = .string(serviceKey) }
        if needsAcknowledgement { object["needsAcknowledgement"] = true }
        return .object(object)
    }
}
