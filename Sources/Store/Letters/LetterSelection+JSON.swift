package import Contract

/// A selection as an operation and a row of the audit log keep it, without ``LetterSelection/upTo``.
extension LetterSelection {
    package var members: JSONObject {
        var members = JSONObject()
        if let ids { members["ids"] = .array(ids.sorted().map { JSON($0) }) }
        if let fingerprint { members["fingerprint"] = .string(fingerprint) }
        if let tenant { members["tenant"] = .string(tenant.description) }
        if let reason { members["reason"] = .string(reason) }
        if let before { members["before"] = .string(before.description) }
        return members
    }

    /// - Returns: `nil` if a member is not one that this program writes: it might select more than was meant.
    package init?(_ members: JSONObject) {
        self.init()
        for member in members.members {
            switch member.name {
            case "ids":
                let ids = member.value.array?.compactMap(\.integer)
                guard let ids, ids.count == member.value.array?.count else { return nil }
                self.ids = Set(ids)
            case "fingerprint": fingerprint = member.value.string
            case "tenant": tenant = member.value.string.flatMap { TenantID($0) }
            case "reason": reason = member.value.string
            case "before": before = member.value.string.flatMap { Timestamp($0) }
            default: return nil
            }
        }
        guard self.members == members else { return nil }
    }
}
