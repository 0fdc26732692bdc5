/// What `sync.previewed` holds: every service of the plan, and what a sync would do with it now.
package struct SyncForecast: Hashable, Sendable {
    package var planID: String
    package var revision: Int64?
    /// What a sync may name to be held to this preview; `nil` where a sync would be refused.
    package var previewID: String?
    /// Until when.
    package var expiresAt: Timestamp?
    package var services: [ServiceForecast]
    /// What a sync has to acknowledge, besides what the preview's own job did.
    package var acknowledgements: [Acknowledgement]
    /// How many calls a sync would make now, those to read and to read back included.
    package var apiCallEstimate: Int
    /// Autotask's own list of services, for a person to look at.
    package var webURL: String

    package init(
        planID: String,
        revision: Int64?,
        previewID: String?,
        expiresAt: Timestamp?,
        services: [ServiceForecast],
        acknowledgements: [Acknowledgement],
        apiCallEstimate: Int,
        webURL: String
    ) {
        self.planID = planID
        self.revision = revision
        self.previewID = previewID
        self.expiresAt = expiresAt
        self.services = services
        self.acknowledgements = acknowledgements
        self.apiCallEstimate = apiCallEstimate
        self.webURL = webURL
    }

    /// The members of `data`.
    package var members: JSONObject {
        var object: JSONObject = ["planId": .string(planID)]
        if let revision { object["revision"] = JSON(revision) }
        object["previewId"] = previewID.map(JSON.string) ?? .null
        object["expiresAt"] = expiresAt.map { .string($0.description) } ?? .null
        object["services"] = .array(services.map(\.json))
        object["warnings"] = .array(services.flatMap(\.warnings).map(\.json))
        object["needsAcknowledgement"] = .array(acknowledgements.map { .string($0.description) })
        object["apiCallEstimate"] = JSON(apiCallEstimate)
        object["webUrl"] = .string(webURL)
        return object
    }
}

/// One service of the plan in a preview.
package struct ServiceForecast: Hashable, Sendable {
    package var key: String
    package var name: String
    /// As it is now.
    package var status: ServiceStatus
    /// What a sync would come to, as far as Autotask takes what it is sent.
    package var outcome: ServiceOutcome
    package var autotaskServiceID: Int64?
    package var isActive: Bool?
    package var changes: [FieldChange] = []
    package var overwritten: [FieldChange] = []
    package var warnings: [Warning] = []
    /// Calls that would write it. One that changes no managed field sets its ownership mark; of two, the first gives it a temporary name.
    package var writes = 0
    /// Unit price without unit cost, as Autotask shows it; `nil` where it shows none.
    package var marginBefore: Money?
    /// And as it would; `nil` where the API user cannot see costs.
    package var marginAfter: Money?
    package var error: JobError?

    package init(key: String, name: String, status: ServiceStatus, outcome: ServiceOutcome, autotaskServiceID: Int64?) {
        self.key = key
        self.name = name
        self.status = status
        self.outcome = outcome
        self.autotaskServiceID = autotaskServiceID
    }

    package var json: JSON {
        var object: JSONObject = [
            "key": .string(key),
            "name": .string(name),
            "status": .string(status.rawValue),
            "outcome": .string(outcome.rawValue),
            "autotaskServiceId": autotaskServiceID.map { JSON($0) } ?? .null,
            "active": isActive.map(JSON.bool) ?? .null,
            "changes": .array(changes.map(\.json)),
            "overwritten": .array(overwritten.map(\.json)),
            "warnings": .array(warnings.map(\.json)),
            "writes": JSON(writes),
            "margin": [
                "before": marginBefore.map { .string($0.description) } ?? .null,
                "after": marginAfter.map { .string($0.description) } ?? .null,
            ],
        ]
        if let error { object["error"] = error.json }
        return .object(object)
    }
}
