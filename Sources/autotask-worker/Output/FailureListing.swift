import Contract
import Store

/// The table of `failures`.
struct FailureListing: TableOutput {
    let failures: FailureTable

    private var listing: Listing<FailureGroup> {
        Listing(elements: failures.groups, whenEmpty: "No job has failed since \(failures.since).", rest: rest)
    }

    /// What is not counted; `nil` for nothing.
    var rest: Rest? {
        failures.isComplete ? nil : Rest("There are too many failures to count them all.", "Those before \(failures.since) are left out.")
    }

    var table: Table { listing.table }
    var documents: [JSON] { listing.documents }
    var lines: [String] { listing.lines }

    var json: JSON { .members(["since": failures.since, "complete": failures.isComplete, "failures": documents]) }
}

extension FailureGroup: ListElement {
    static let columns: [Table.Column] = [
        .init("ERROR", "code"), .init("KIND", "kind"), .init("JOBS", "count", .number), .init("TENANTS", "tenants", .number),
        .init(nil, "first", .time), .init("LAST", "last", .time), .init("FIXABLE BY", "fixableBy"), .init("NEW", nil), .init(nil, "new"),
        .init(nil, "retryable"),
    ]

    var row: Table.Row {
        Table.Row(cells: [
            .text(code, .error), .text(kind?.rawValue ?? "refused"), .init(count), .init(tenants), .time(first), .time(last),
            .init(properties?.fixableBy.rawValue), isNew ?? false ? .text("new", .warning) : .absent, isNew.map { .init($0) } ?? .absent,
            properties.map { .init($0.isRetryable) } ?? .absent,
        ])
    }

    /// `nil` for a code that this program does not know.
    private var properties: ErrorCode.Properties? { ErrorCode(rawValue: code)?.properties }

    var json: JSON {
        .members([
            "code": code, "kind": kind, "count": count, "tenants": tenants, "first": first, "last": last, "new": isNew,
            "fixableBy": properties?.fixableBy.rawValue, "retryable": properties?.isRetryable, "hint": properties?.hint,
        ])
    }
}
