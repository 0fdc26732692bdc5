import Contract
import Store
import Telemetry

/// Dead letters as a person reads them, and as JSON. Whatever is in them may be shown.
extension LetterGroup {
    var line: String {
        let share = redrivable == count ? "redrivable" : redrivable == 0 ? "not redrivable" : "\(redrivable) redrivable"
        let span = first == last ? "\(last)" : "\(first) – \(last)"
        return "\(cause.fingerprint)  \(tenant?.description ?? "–")  \(cause.text)  \(count)×  \(span)  \(share)  such as \(example)"
    }

    var json: JSON {
        var object = cause.members
        object["tenant"] = tenant.map { .string($0.description) } ?? .null
        object["count"] = JSON(count)
        object["redrivable"] = JSON(redrivable)
        object["first"] = .string(first.description)
        object["last"] = .string(last.description)
        object["example"] = JSON(example)
        return .object(object)
    }
}

extension KeptLetter {
    var line: String {
        let subject = "\(letter.tenant?.description ?? "–")  \(letter.jobID?.description ?? "–")"
        return "\(id)  \(letter.at)  \(subject)  \(letter.cause.text)  \(obstacle?.rawValue ?? "redrivable")"
    }

    var lines: [String] {
        var lines = [Terminal.styled("\(id)", .bold) + "  \(letter.cause.text)  \(letter.at)"]
        func add(_ name: String, _ value: String?) {
            guard let value, !value.isEmpty else { return }
            lines.append("  " + name + String(repeating: " ", count: max(14 - name.count, 1)) + value)
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
            add("accepted", job.acceptedAt.description)
            add("revision", job.revision.map(String.init))
            let heldUp = job.heldUp == 0 ? "" : ", put off \(job.heldUp) times while Autotask did not work"
            add("attempts", "\(job.attempts), and \(job.interruptions) interrupted\(heldUp)")
            for attempt in job.history { add("", attempt.text) }
        }
        if let copy { add("redriven", "\(copy.at) as \(copy.id)") } else { add("redrive", obstacle?.message ?? "possible") }
        return lines
    }

    var json: JSON {
        var object: JSONObject = ["id": JSON(id), "at": .string(letter.at.description)]
        for member in letter.cause.members.members { object[member.name] = member.value }
        object["detail"] = letter.detail.isEmpty ? .null : .string(letter.detail)
        object["tenant"] = letter.tenant.map { .string($0.description) } ?? .null
        object["product"] = letter.product.map { .string($0.rawValue) } ?? .null
        object["jobId"] = letter.jobID.map { .string($0.description) } ?? .null
        object["publisher"] = letter.publisher.map { .string($0) } ?? .null
        switch letter.content {
        case .message(let message): object["message"] = message.json
        case .job(let job): object["job"] = job.json
        }
        object["redrivable"] = .bool(obstacle == nil)
        object["obstacle"] = obstacle.map { ["code": .string($0.rawValue), "message": .string($0.message)] } ?? .null
        object["redrivenAs"] = copy.map { .string($0.id.description) } ?? .null
        object["redrivenAt"] = copy.map { .string($0.at.description) } ?? .null
        return .object(object)
    }
}

extension KeptLetter.Obstacle {
    /// Why, and what to do.
    var message: String {
        switch self {
        case .redriven: "It was redriven before: see its copy."
        case .bodyNotKept:
            "Nothing was kept of the message's body: it was refused, or is no valid job of a trusted publisher. Its portal publishes a valid one, under a new id."
        case .connect:
            "A connect cannot be redriven: it holds credentials, which are never kept. Its portal publishes it anew, under a new id, with the credentials sealed for that."
        case .outdated:
            "Its tenant has asked for something newer since, which it would undo. If it is still wanted, its portal publishes it anew, under a new id."
        case .erased:
            "A reset of the integration, age, or the restoring of the store has erased it. If it is still wanted, its portal publishes it anew, under a new id."
        case .unopenable: "What is kept of it cannot be opened: check that VAULT_KEYS names the key ring of this store."
        }
    }
}

extension FailureCause {
    fileprivate var text: String { [kind?.rawValue, reason, code?.rawValue, field].compactMap { $0 }.joined(separator: " ") }

    fileprivate var members: JSONObject {
        [
            "fingerprint": .string(fingerprint), "reason": .string(reason), "kind": kind.map { .string($0.rawValue) } ?? .null,
            "code": code.map { .string($0.rawValue) } ?? .null, "field": field.map { .string($0) } ?? .null,
        ]
    }
}

extension DeadMessage {
    fileprivate var json: JSON {
        [
            "sha256": .string(sha256.hexadecimal), "size": JSON(size), "queue": .string(queue),
            "exchange": exchange.map { .string($0) } ?? .null, "routingKey": .string(routingKey),
            "messageId": messageID.map { .string($0) } ?? .null,
        ]
    }
}

extension DeadJob {
    fileprivate var json: JSON {
        [
            "acceptedAt": .string(acceptedAt.description), "attempts": JSON(attempts), "interruptions": JSON(interruptions),
            "heldUp": JSON(heldUp), "revision": revision.map { JSON($0) } ?? .null,
            "redriveOf": redriveOf.map { .string($0.description) } ?? .null, "history": .array(history.map(\.json)),
        ]
    }
}

extension PastAttempt {
    fileprivate var text: String {
        switch ending {
        case .deferred(let code, let until): "\(at)  \(code?.rawValue ?? "deferred"), put off until \(until)"
        case .interrupted(let worker): "\(at)  interrupted, in worker \(worker)"
        }
    }

    fileprivate var json: JSON {
        switch ending {
        case .deferred(let code, let until):
            [
                "at": .string(at.description), "outcome": "deferred", "code": code.map { .string($0.rawValue) } ?? .null,
                "until": .string(until.description),
            ]
        case .interrupted(let worker):
            ["at": .string(at.description), "outcome": "interrupted", "worker": .string(worker.description)]
        }
    }
}
