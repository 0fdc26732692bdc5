import Contract
import Store

/// A row of the audit log, as text and as JSON.
struct AuditListing: CommandOutput {
    /// Names and prices.
    enum Details {
        /// The row holds none.
        case none
        case open(JSON)
        /// A reset has destroyed their key.
        case erased
        /// They cannot be opened here, for this reason.
        case sealed(String)

        var name: String {
            switch self {
            case .none: "none"
            case .open: "open"
            case .erased: "erased"
            case .sealed: "sealed"
            }
        }
    }

    let row: AuditRow
    let details: Details

    var lines: [String] {
        let entry = row.entry
        var words = ["\(row.number)", entry.at.description, Terminal.styled(entry.action, .bold)]
        if let tenant = entry.tenant { words.append(tenant + (entry.product.map { "/\($0)" } ?? "")) }
        if let job = entry.jobID { words.append(job) }
        if let publisher = entry.publisher { words.append("by \(publisher)") }
        words.append(entry.actor)
        var lines = [words.joined(separator: "  ")]
        if let facts { lines.append("    " + facts.members.map { "\($0.name)=\($0.value.text)" }.joined(separator: " ")) }
        switch details {
        case .none: break
        case .open(let json): lines += AuditListing.changes(json)
        case .erased: lines.append("    names and prices: erased by a reset")
        case .sealed(let reason): lines.append("    names and prices: sealed. \(reason)")
        }
        return lines
    }

    /// One line for each field that a write changes, or that a create sets.
    private static func changes(_ json: JSON) -> [String] {
        let before = json["before"]
        return (json["after"]?.object?.members ?? []).compactMap { member in
            guard let old = before?[member.name] else { return "    \(member.name): \(member.value.text)" }
            return old == member.value ? nil : "    \(member.name): \(old.text) → \(member.value.text)"
        }
    }

    var json: JSON {
        let entry = row.entry
        return .members([
            "number": row.number, "at": entry.at, "action": entry.action, "actor": entry.actor, "tenant": entry.tenant,
            "product": entry.product, "jobId": entry.jobID, "publisher": entry.publisher, "facts": facts, "details": opened,
            "detailsAre": details.name,
        ])
    }

    private var facts: JSONObject? { (try? JSON(parsing: Array(row.entry.facts.utf8)))?.object }

    private var opened: JSON {
        guard case .open(let json) = details else { return .null }
        return json
    }
}

extension JSON {
    /// A text without its quotes, anything else as JSON.
    fileprivate var text: String { string ?? String(decoding: encoded, as: UTF8.self) }
}
