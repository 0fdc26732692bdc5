import Contract
import Store

/// The jobs that `job list` finds, and how far it looked.
struct JobListing: TableOutput {
    let finding: JobFinding

    private var listing: Listing<FoundJob> { Listing(elements: finding.jobs, whenEmpty: "No job matches.", rest: rest) }

    var table: Table { listing.table }
    var documents: [JSON] { listing.documents }
    var lines: [String] { listing.lines }

    var json: JSON {
        .members([
            "jobs": documents, "lookedAt": finding.looked, "backTo": finding.backTo, "before": finding.next?.description,
        ])
    }

    /// How far the command looked, and how to look further; `nil` if nothing is left.
    var rest: Rest? { finding.next.map { Rest(looked: finding.looked, "job", backTo: finding.backTo, next: "\($0)") } }
}

extension FoundJob: ListElement {
    static let columns: [Table.Column] = [
        .init("ACCEPTED", "acceptedAt", .time), .init("TENANT", "tenant"), .init(nil, "product"), .init("JOB", "jobId", .id),
        .init("STATE", nil, .words), .init(nil, "kind"), .init(nil, "state"), .init(nil, "event"), .init(nil, "code"),
        .init(nil, "publisher"), .init(nil, "notBefore"), .init(nil, "endedAt"), .init(nil, "attempts", .number),
        .init(nil, "apiCalls", .number),
    ]

    var row: Table.Row {
        Table.Row(cells: [
            .time(acceptedAt), .text(lane.tenant.description), .text(lane.product.rawValue), .text(id.description, .bold),
            .text(stateText, style), .init(kind?.rawValue), .text(name.rawValue), .init(event?.rawValue), .init(code), .init(publisher),
            .init(notBefore), .init(endedAt), .init(attempts), .init(apiCalls),
        ])
    }

    private var name: JobSelection.State {
        switch state {
        case .waiting: .waiting
        case .running: .running
        case .retrying: .retrying
        case .paused: .paused
        case .ended: isFailed ? .failed : .ended
        }
    }

    private var notBefore: Timestamp? {
        switch state {
        case .waiting(let notBefore), .retrying(let notBefore, _), .paused(let notBefore): notBefore
        case .running, .ended: nil
        }
    }

    private var event: EventType? {
        guard case .ended(_, let event, _) = state else { return nil }
        return event
    }

    /// The kind with the state, or the event; the error last.
    private var stateText: String {
        let words = [event.map(\.rawValue) ?? "\(kind?.rawValue ?? "refused") \(name.rawValue)", code]
        return words.compactMap(\.self).joined(separator: " ")
    }

    private var style: Terminal.Style? {
        switch name {
        case .waiting, .ended: nil
        case .running: .success
        case .retrying, .paused: .warning
        case .failed: .error
        }
    }

    var json: JSON {
        .members([
            "jobId": id, "tenant": lane.tenant, "product": lane.product, "kind": kind, "state": name.rawValue, "event": event, "code": code,
            "publisher": publisher, "acceptedAt": acceptedAt, "notBefore": notBefore, "endedAt": endedAt, "attempts": attempts,
            "apiCalls": apiCalls,
        ])
    }
}
