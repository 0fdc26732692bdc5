import Contract
import Store

/// A job as a person reads it who asks why it is as it is.
extension JobRecord {
    var lines: [String] {
        [Terminal.styled("\(id)", .bold) + "  \(kind?.rawValue ?? "refused")  \(lane)  \(state.text)"] + frame.map { "  " + $0 }
            + askedLines + made.enumerated().flatMap { $1.lines(number: $0 + 1) } + unknown.map { "  " + $0 } + resultLines
    }

    /// Who asked, when, and how often it was tried.
    private var frame: [String] {
        var lines = [row("accepted", "\(acceptedAt)" + (publisher.map { " from \($0)" } ?? ""))]
        if let redriveOf { lines.append(row("copy of", "\(redriveOf)")) }
        var tried = "\(attempts)"
        if heldUp > 0 { tried += ", and \(heldUp) put off because Autotask did not work, uncounted" }
        if interruptions > 0 { tried += ", and \(interruptions) interrupted" }
        lines.append(row("attempts", tried))
        lines.append(row("calls", "\(apiCalls)"))
        return lines
    }

    private func row(_ name: String, _ value: String) -> String { name.padded(12) + value }

    /// What the record cannot tell.
    private var unknown: [String] {
        var lines: [String] = []
        if interruptions > 0 {
            lines.append(
                Terminal.styled(
                    "What an attempt that was interrupted had called is not known; what it may have written, the next one finds out.",
                    .dim
                )
            )
        }
        if made.count(where: { $0.ending != .finished }) >= AttemptRecord.limit {
            lines.append(Terminal.styled("Of the attempts that did not end the job only the first \(AttemptRecord.limit) are told.", .dim))
        }
        return lines
    }

    // MARK: Asked

    private var request: JSON? { asked.flatMap { try? JSON(parsing: $0) } }

    private var askedLines: [String] {
        guard let members = request?.object else { return ["  " + row("asked", absence)] }
        let plain = members.members.filter { $0.name != "services" }.map { "\($0.name) \($0.value.shown)" }
        var lines = ["  " + row("asked", plain.isEmpty ? "nothing besides" : plain.joined(separator: ", "))]
        for service in members["services"]?.array ?? [] {
            let key = service["key"]?.string ?? "?"
            let values = ["type", "period", "unitCost", "unitPrice"].map { (service[$0] ?? .null).shown.padded(9) }
            let row = [key.padded(20), (service["name"] ?? .null).shown.padded(34)] + values + [(service["billingCodeId"] ?? .null).shown]
            lines.append("              " + row.joined(separator: "  "))
        }
        return lines
    }

    /// Why what was asked is not told.
    private var absence: String {
        switch state {
        case .waiting, .running: "told when the first attempt has ended"
        case .ended(_, let event) where event.event.data.isEmpty: "erased, by a reset or after HISTORY_DAYS"
        case .ended where kind == nil: "refused at the door, and not kept"
        case .ended where attempts + interruptions == 0: "not kept: it was never begun"
        case .ended: "not kept, or erased after HISTORY_DAYS"
        }
    }

    // MARK: Done

    private var resultLines: [String] {
        guard case .ended(_, let event) = state else { return [] }
        guard !event.event.data.isEmpty else { return ["  " + row("result", "erased, by a reset or after 30 days: \(state.text)")] }
        let lines = EventText(event: event.json).lines
        return lines.prefix(1).map { "  " + row("result", $0) } + lines.dropFirst().map { "    " + $0 }
    }

    var json: JSON {
        var object: JSONObject = [
            "tenant": .string(lane.tenant.description), "product": .string(lane.product.rawValue), "jobId": .string(id.description),
            "kind": kind.map { .string($0.rawValue) } ?? .null, "publisher": publisher.map { .string($0) } ?? .null,
            "redriveOf": redriveOf.map { .string($0.description) } ?? .null, "acceptedAt": .string(acceptedAt.description),
            "attempts": JSON(attempts), "interruptions": JSON(interruptions), "heldUp": JSON(heldUp), "apiCalls": JSON(apiCalls),
            "asked": request ?? .null, "made": .array(made.map(\.json)),
        ]
        switch state {
        case .waiting(let moment):
            object["state"] = "waiting"
            object["notBefore"] = moment.map { .string($0.description) } ?? .null
        case .running: object["state"] = "running"
        case .ended(let moment, let event):
            object["state"] = "ended"
            object["endedAt"] = .string(moment.description)
            object["ended"] = .string(event.event.type.rawValue)
            object["erased"] = .bool(event.event.data.isEmpty)
            object["event"] = event.event.data.isEmpty ? .null : event.json
        }
        return .object(object)
    }
}

extension JobRecord.State {
    fileprivate var text: String {
        switch self {
        case .waiting(let moment?): "waiting, not before \(moment)"
        case .waiting: "waiting"
        case .running: "running"
        case .ended(let moment, let event): "\(event.event.type.rawValue) at \(moment)"
        }
    }
}

extension AttemptRecord {
    fileprivate func lines(number: Int) -> [String] {
        let duration = begunAt.map { ", \((endedAt - $0).wholeMilliseconds) ms" } ?? ""
        let head = "  " + "attempt \(number)".padded(12) + "\(begunAt ?? endedAt)\(duration): \(text)"
        return [head] + (reason.map { ErrorText(error: $0.json).lines } ?? []).map { "              " + $0 }
            + calls.map { "              " + $0.line }
    }

    private var text: String {
        switch ending {
        case .finished: "ended the job"
        case .deferred(_, let until): "put off until \(until)"
        case .postponed: "put back, as if it had not been begun"
        case .interrupted: "interrupted: the worker died, or was told to finish"
        }
    }

    /// Why it was put off, and what to do about it.
    private var reason: JobError? {
        guard case .deferred(let code?, _) = ending else { return nil }
        guard calls.isEmpty, code == .autotaskUnavailable || code == .rateLimited else { return JobError(code) }
        // No call reached Autotask: this is not its answer.
        return JobError(code, "The worker made no call: it holds calls back, because earlier ones to that part of Autotask failed.")
    }

    fileprivate var json: JSON {
        var object: JSONObject = [
            "begunAt": begunAt.map { .string($0.description) } ?? .null, "endedAt": .string(endedAt.description),
        ]
        switch ending {
        case .finished: object["ending"] = "finished"
        case .deferred(_, let until):
            object["ending"] = "deferred"
            object["until"] = .string(until.description)
            object["error"] = reason?.json
        case .postponed: object["ending"] = "postponed"
        case .interrupted(let worker):
            object["ending"] = "interrupted"
            object["worker"] = .string(worker.description)
        }
        object["calls"] = .array(calls.map(\.json))
        return .object(object)
    }
}

extension CallRecord {
    fileprivate var line: String {
        let time = at.description.dropFirst(11).prefix(12)
        let result: String
        let style: Terminal.Style
        switch answer {
        case .status(let status):
            result = "\(status)"
            style = (200..<300).contains(status) ? .success : .error
        case .none(let word):
            result = word
            style = .error
        }
        return Terminal.styled("\(time)", .dim) + "  \(method.padded(5))  \(path.padded(34))  " + Terminal.styled(result.padded(14), style)
            + "  \("\(duration.wholeMilliseconds) ms".padded(9))  " + Terminal.styled(host, .dim)
    }

    fileprivate var json: JSON {
        var object: JSONObject = [
            "at": .string(at.description), "method": .string(method), "host": .string(host), "path": .string(path),
        ]
        switch answer {
        case .status(let status):
            object["status"] = JSON(status)
            object["failure"] = .null
        case .none(let word):
            object["status"] = .null
            object["failure"] = .string(word)
        }
        object["milliseconds"] = JSON(duration.wholeMilliseconds)
        return .object(object)
    }
}

extension OrderedEvent {
    /// The CloudEvent.
    fileprivate var json: JSON { (try? JSON(parsing: encoded)) ?? .null }
}

extension JSON {
    /// A text without its quotes, `–` for nothing, anything else as JSON.
    fileprivate var shown: String { self == .null ? "–" : string ?? String(decoding: encoded, as: UTF8.self) }
}
