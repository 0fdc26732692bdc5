import Contract
import Store
import Telemetry

extension LetterGroup: ListElement {
    static let columns: [Table.Column] = [
        .init("FINGERPRINT", "fingerprint", .id), .init(nil, "reason"), .init(nil, "kind"), .init(nil, "code"), .init(nil, "field"),
        .init("TENANT", "tenant"), .init("CAUSE", nil, .words), .init("COUNT", "count", .number), .init("REDRIVE", "redrivable", .number),
        .init(nil, "first", .time), .init("LAST", "last", .time), .init("EXAMPLE", "example", .number),
    ]

    var row: Table.Row {
        Table.Row(
            cells: [.text(cause.fingerprint, .bold)] + cause.cells + [
                .init(tenant?.description), .text(cause.text), .init(count), .init(redrivable), .time(first), .time(last), .number(example),
            ]
        )
    }

    var json: JSON {
        cause.json(and: [
            "tenant": tenant, "count": count, "redrivable": redrivable, "first": first, "last": last, "example": example,
        ])
    }
}

extension KeptLetter: ListElement {
    static let columns: [Table.Column] = [
        .init("ID", "id", .number), .init("TIME", "at", .time), .init(nil, "fingerprint"), .init(nil, "reason"), .init(nil, "kind"),
        .init(nil, "code"), .init(nil, "field"), .init("TENANT", "tenant"), .init(nil, "product"), .init("JOB", "jobId"),
        .init(nil, "publisher"), .init("CAUSE", nil, .words), .init("REDRIVE", nil), .init(nil, "redrivable"), .init(nil, "redrivenAs"),
    ]

    var row: Table.Row {
        let cause = letter.cause
        return Table.Row(
            cells: [.number(id), .time(letter.at), .text(cause.fingerprint)] + cause.cells + [
                .init(letter.tenant?.description), .init(letter.product?.rawValue), .init(letter.jobID?.description),
                .init(letter.publisher), .text(cause.text), .text(obstacle?.rawValue ?? "possible", obstacle == nil ? .success : .dim),
                .init(obstacle == nil), .init(copy?.id.description),
            ]
        )
    }
}

extension KeptLetter: CommandOutput {

    var lines: [String] {
        var lines = [Terminal.styled("\(id)", .bold) + "  \(letter.cause.text)  \(Terminal.time(letter.at))"]
        func add(_ name: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            lines.append("  " + name.padded(14) + value)
        }
        add("detail", letter.detail.isEmpty ? "erased" : letter.detail)
        add("fingerprint", letter.cause.fingerprint)
        add("tenant", letter.tenant?.description)
        add("product", letter.product?.rawValue)
        add("job", letter.jobID?.description)
        add("publisher", letter.publisher)
        switch letter.content {
        case .message(let message):
            add("message", "\(message.size) bytes, SHA-256 \(message.sha256.hexadecimal)")
            add("queue", message.queue)
            add("exchange", message.exchange)
            add("routing key", message.routingKey)
            add("message id", message.messageID.map { "\(ForeignText($0))" })
            add("published", message.job?.publishedAt.description)
        case .job(let job):
            add("copy of", job.redriveOf?.description)
            add("accepted", Terminal.time(job.acceptedAt))
            add("revision", job.revision.map(String.init))
            let heldUp = job.heldUp == 0 ? "" : ", held up \(job.heldUp) times while Autotask did not work"
            add("attempts", "\(job.attempts), and \(job.interruptions) interrupted\(heldUp)")
            for attempt in job.history { add("", attempt.text) }
        }
        if let copy { add("redriven", "\(copy.at) as \(copy.id)") } else { add("redrive", obstacle?.message ?? "possible") }
        return lines
    }

    var json: JSON {
        let (name, content) =
            switch letter.content {
            case .message(let message): ("message", message.json)
            case .job(let job): ("job", job.json)
            }
        let head = JSON.members(["id": id, "at": letter.at])
        let members = letter.cause.json(and: [
            "detail": letter.detail.isEmpty ? JSON.null : .string(letter.detail), "tenant": letter.tenant, "product": letter.product,
            "jobId": letter.jobID, "publisher": letter.publisher, name: content, "redrivable": obstacle == nil,
            "obstacle": obstacle.map { JSON.members(["code": $0.rawValue, "message": $0.message]) },
            "redrivenAs": copy?.id, "redrivenAt": copy?.at,
        ])
        return head + members
    }
}

extension KeptLetter.Obstacle {
    /// Why it cannot be redriven, and what to do.
    var message: String {
        switch self {
        case .redriven: "It was redriven before: see its copy."
        case .bodyNotKept:
            "The message's body was not kept: it was refused, or is not a valid job of a trusted publisher. The portal has to publish a valid one, under a new id."
        case .connect:
            "A connect cannot be redriven: it holds credentials, which are never kept. The portal has to publish it again, under a new id, with the credentials sealed for that id."
        case .outdated:
            "It would undo a newer job of its tenant. If it is still wanted, the portal has to publish it again, under a new id."
        case .erased:
            "It was erased by a reset of the integration, by age, or by a restore of the store. If it is still wanted, the portal has to publish it again, under a new id."
        case .unopenable: "Its data cannot be opened: check that VAULT_KEYS names the key ring of this store."
        }
    }
}

extension RedriveOutcome {
    static let idTakenMessage = "Another job has the id that the copy would have. The portal has to publish it again, under a new id."
}

extension FailureCause {
    fileprivate var text: String { [kind?.rawValue, reason, code?.rawValue, field].compactMap { $0 }.joined(separator: " ") }

    /// Reason, kind, code and field.
    fileprivate var cells: [Table.Cell] { [.text(reason), .init(kind?.rawValue), .init(code?.rawValue), .init(field)] }

    /// Its members, and further ones.
    fileprivate func json(and others: KeyValuePairs<String, any JSONValue>) -> JSON {
        .members(["fingerprint": fingerprint, "reason": reason, "kind": kind, "code": code, "field": field]) + .members(others)
    }
}

extension DeadMessage {
    fileprivate var json: JSON {
        .members([
            "sha256": sha256.hexadecimal, "size": size, "queue": queue, "exchange": exchange, "routingKey": routingKey,
            "messageId": messageID,
        ])
    }
}

extension DeadJob {
    fileprivate var json: JSON {
        .members([
            "acceptedAt": acceptedAt, "attempts": attempts, "interruptions": interruptions, "heldUp": heldUp, "revision": revision,
            "redriveOf": redriveOf, "history": history.map(\.json),
        ])
    }
}

extension Attempt {
    fileprivate var text: String {
        switch ending {
        case .deferred(let until, let error, _): "\(ended)  \(error?.code.rawValue ?? "deferred"), next attempt not before \(until)"
        case .interrupted(let worker): "\(ended)  interrupted, in worker \(worker)"
        case .finished, .givenUp, .postponed: "\(ended)"
        }
    }

    fileprivate var json: JSON {
        switch ending {
        case .deferred(let until, let error, _): .members(["at": ended, "outcome": "deferred", "code": error?.code, "until": until])
        case .interrupted(let worker): .members(["at": ended, "outcome": "interrupted", "worker": worker.description])
        case .finished, .givenUp, .postponed: .members(["at": ended])
        }
    }
}
