extension JobKind {
    /// The parts of a job's data that may be shown and kept: no credentials, and only members that the contract names.
    ///
    /// - Parameter data: the job's `data` as it was published.
    package func shown(of data: JSON) -> JSONObject {
        let names: [String] =
            switch self {
            case .sync, .preview: ["planId", "revision", "retired", "acknowledge", "acknowledgeRequired", "adopt", "previewId"]
            case .connect: ["firstConfiguredAt", "allowDatabaseChange"]
            case .billingCodes: ["refresh"]
            // The reason for a reset is left out: it would outlive the erased data.
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
        guard let object else { return JSONObject() }
        return JSONObject(uniqueMembers: names.compactMap { name in object[name].map { JSONObject.Member(name: name, value: $0) } })
    }
}
