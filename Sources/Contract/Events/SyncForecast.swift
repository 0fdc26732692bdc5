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
        object["warnings"] = .array(services.flatMap(\.result.warnings).map(\.json))
        object["needsAcknowledgement"] = .array(acknowledgements.map { .string($0.description) })
        object["apiCallEstimate"] = JSON(apiCallEstimate)
        object["webUrl"] = .string(webURL)
        return object
    }
}

/// One service of the plan in a preview.
package struct ServiceForecast: Hashable, Sendable {
    /// As it is now, and what a sync would come to, as far as Autotask takes what it is sent.
    package var result: ServiceResult
    /// Calls that would write it. One that changes no managed field sets its ownership mark; of two, the first gives it a temporary name.
    package var writes = 0
    /// Unit price without unit cost, as Autotask shows it; `nil` where it shows none.
    package var marginBefore: Money?
    /// And as it would; `nil` where the API user cannot see costs.
    package var marginAfter: Money?

    package init(_ result: ServiceResult) { self.result = result }

    package var json: JSON {
        var object = result.members
        object["writes"] = JSON(writes)
        object["margin"] = [
            "before": marginBefore.map { .string($0.description) } ?? .null,
            "after": marginAfter.map { .string($0.description) } ?? .null,
        ]
        return .object(object)
    }
}
