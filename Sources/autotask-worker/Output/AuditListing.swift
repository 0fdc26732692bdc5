import Contract
import Store

/// A row of the audit log, as text and as JSON.
struct AuditListing: ListElement {
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

    let audited: AuditRow
    let details: Details

    static let columns: [Table.Column] = [
        .init("ROW", "number", .number), .init("TIME", "at", .time), .init("ACTION", "action", .id), .init("TENANT", "tenant"),
        .init("PRODUCT", "product"), .init(nil, "jobId"), .init(nil, "publisher"), .init("ACTOR", "actor", .words),
        .init(nil, "facts"), .init(nil, "details"), .init(nil, "detailsAre"),
    ]

    var row: Table.Row {
        let entry = audited.entry
        return Table.Row(
            cells: [
                .number(audited.number), .time(entry.at), .text(entry.action, .bold), .init(entry.tenant), .init(entry.product),
                .init(entry.jobID), .init(entry.publisher), .text(entry.actor), .text(entry.facts), .init(opened.csv), .text(details.name),
            ],
            details: detailLines
        )
    }

    private var detailLines: [String] {
        var lines: [String] = []
        if let job = audited.entry.jobID { lines.append("    job \(job)" + (audited.entry.publisher.map { " by \($0)" } ?? "")) }
        if let facts, !facts.members.isEmpty {
            lines.append("    " + facts.members.map { "\($0.name)=\($0.value.text)" }.joined(separator: " "))
        }
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
        let entry = audited.entry
        return .members([
            "number": audited.number, "at": entry.at, "action": entry.action, "actor": entry.actor, "tenant": entry.tenant,
            "product": entry.product, "jobId": entry.jobID, "publisher": entry.publisher, "facts": facts, "details": opened,
            "detailsAre": details.name,
        ])
    }

    private var facts: JSONObject? { (try? JSON(parsing: Array(audited.entry.facts.utf8)))?.object }

    private var opened: JSON {
        guard case .open(let json) = details else { return .null }
        return json
    }
}

extension JSON {
    /// A text without its quotes, anything else as JSON.
    fileprivate var text: String { string ?? String(decoding: encoded, as: UTF8.self) }

    /// `nil` for nothing.
    fileprivate var csv: String? { self == .null ? nil : text }
}
