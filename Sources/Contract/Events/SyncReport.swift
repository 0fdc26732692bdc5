/// The content of the event that ends a sync: every service of the plan with its result (`Rules` L19).
package struct SyncReport: Hashable, Sendable {
    package var message: String
    package var planID: String
    package var revision: Int64?
    /// Calls made to Autotask for this job in all its attempts.
    package var apiCalls: Int
    package var services: [ServiceResult]
    /// Autotask's own list of services, for a person to look at.
    package var webURL: String?
    package var error: JobError?

    package init(
        message: String,
        planID: String,
        revision: Int64?,
        apiCalls: Int,
        services: [ServiceResult],
        webURL: String?,
        error: JobError? = nil
    ) {
        self.message = message
        self.planID = planID
        self.revision = revision
        self.apiCalls = apiCalls
        self.services = services
        self.webURL = webURL
        self.error = error
    }

    /// The members of `data`.
    package var members: JSONObject {
        var object: JSONObject = ["message": .string(message), "planId": .string(planID)]
        if let revision { object["revision"] = JSON(revision) }
        object["counts"] = counts
        object["apiCalls"] = JSON(apiCalls)
        object["services"] = .array(services.map(\.json))
        if let webURL { object["webUrl"] = .string(webURL) }
        if let error { object["error"] = error.json }
        return object
    }

    /// The number of services: in total, for each outcome that occurs, and for each status.
    private var counts: JSON {
        // By index: a copy of a result would cost more than its comparison.
        func count(_ isCounted: (Int) -> Bool) -> Int { services.indices.count(where: isCounted) }
        var object: JSONObject = ["total": JSON(services.count)]
        for outcome in ServiceOutcome.allCases {
            let count = count { services[$0].outcome == outcome }
            if count > 0 { object[outcome.rawValue] = JSON(count) }
        }
        object["synced"] = JSON(count { services[$0].status == .synced })
        object["error"] = JSON(count { services[$0].status == .error })
        object["notSynced"] = JSON(count { services[$0].status == .notSynced })
        return .object(object)
    }
}
