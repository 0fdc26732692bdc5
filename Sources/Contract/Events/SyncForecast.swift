/// The content of `sync.previewed`: every service of the plan, and what a sync would do with it now.
package struct SyncForecast: Hashable, Sendable {
    package var planID: String
    package var revision: Int64?
    /// The id with which a sync can refer to this preview; `nil` if a sync would be refused.
    package var previewID: String?
    /// The moment until which ``previewID`` can be used.
    package var expiresAt: Timestamp?
    package var services: [ServiceForecast]
    /// What a sync has to acknowledge in addition to what the preview's job acknowledged.
    package var acknowledgements: [Acknowledgement]
    /// The number of calls that a sync would make now, including those that read and read back.
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
    /// The service's present state, and the result of a sync if Autotask accepts every write.
    package var result: ServiceResult
    /// The number of calls that would write it. A single one that changes no managed field sets the ownership marker; the first of two sets
    /// a temporary name.
    package var writes = 0
    /// Unit price minus unit cost, as Autotask shows them; `nil` if it does not show both.
    package var marginBefore: Money?
    /// The margin after the sync; `nil` if the API user cannot see costs.
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
