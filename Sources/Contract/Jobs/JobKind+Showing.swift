extension JobKind {
    /// What a job asks for, as it may be shown and kept: no credentials, and no member that the contract does not name.
    ///
    /// - Parameter data: the job's `data`, as it was published.
    package func shown(of data: JSON) -> JSONObject {
        let names: [String] =
            switch self {
            case .sync, .preview: ["planId", "revision", "retired", "acknowledge", "acknowledgeRequired", "adopt", "previewId"]
            case .connect: ["firstConfiguredAt", "allowDatabaseChange"]
            case .billingCodes: ["refresh"]
            // Why somebody resets is for the portal: it would outlive what is erased.
            case .reset: ["confirm"]
            case .verify, .drift, .diagnose: []
            }
        var shown = data.members(names)
        if self == .sync || self == .preview {
            shown["services"] = data["services"]?.array.map { .array($0.map { .object($0.members(JobKind.serviceMembers)) }) }
        }
        return shown
    }

    private static let serviceMembers = ["key", "name", "type", "period", "unitCost", "unitPrice", "billingCodeId"]
}

extension JSON {
    fileprivate func members(_ names: [String]) -> JSONObject {
        var members = JSONObject()
        for name in names { members[name] = self[name] }
        return members
    }
}
