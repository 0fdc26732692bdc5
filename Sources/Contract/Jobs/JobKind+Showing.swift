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
        var members: [JSONObject.Member] = []
        members.reserveCapacity(names.count)
        for name in names { if let value = object[name] { members.append(JSONObject.Member(name: name, value: value)) } }
        return JSONObject(uniqueMembers: members)
    }
}
