import Contract
import Store

/// A job as text, with the history that explains its state.
extension JobRecord: CommandOutput {
    var lines: [String] {
        [Terminal.styled("\(id)", .bold) + "  \(kind?.rawValue ?? "refused")  \(lane)  \(state.text)"] + frame.map { "  " + $0 }
            + askedLines + made.enumerated().flatMap { $1.lines(number: $0 + 1) } + unknown.map { "  " + $0 } + resultLines
    }

    /// The publisher, the time of acceptance, and the number of attempts.
    private var frame: [String] {
        var lines = [row("accepted", Terminal.time(acceptedAt) + (publisher.map { " from \($0)" } ?? ""))]
        if let redriveOf { lines.append(row("copy of", "\(redriveOf)")) }
        var tried = "\(attempts)"
        if heldUp > 0 { tried += ", and \(heldUp) held up because Autotask did not work, not counted" }
        if interruptions > 0 { tried += ", and \(interruptions) interrupted" }
        lines.append(row("attempts", tried))
        lines.append(row("calls", "\(apiCalls)"))
        return lines
    }

    private func row(_ name: String, _ value: String) -> String { name.padded(12) + value }

    /// The limits of the record.
    private var unknown: [String] {
        var lines: [String] = []
        if isHistoryDamaged {
            lines.append(Terminal.styled("The store's record of the attempts is unreadable, and not shown.", .dim))
        }
        if interruptions > 0 {
            lines.append(
                Terminal.styled(
                    "The calls of an interrupted attempt are not known. The next attempt looks up what it may have written.",
                    .dim
                )
            )
        }
        if made.count(where: { !$0.endsJob }) >= Attempt.limit {
            lines.append(Terminal.styled("Only the first \(Attempt.limit) attempts that did not end the job are listed.", .dim))
        }
        return lines
    }

    // MARK: Asked

    private var request: JSON? { asked.flatMap { try? JSON(parsing: $0) } }

    private var askedLines: [String] {
        guard let members = request?.object else { return ["  " + row("asked", absence)] }
        let plain = members.members.filter { $0.name != "services" }.map { "\($0.name) \($0.value.shown)" }
        var lines = ["  " + row("asked", plain.isEmpty ? "no options" : plain.joined(separator: ", "))]
        for service in members["services"]?.array ?? [] {
            let key = service["key"]?.string ?? "?"
            let values = ["type", "period", "unitCost", "unitPrice"].map { (service[$0] ?? .null).shown.padded(9) }
            let row = [key.padded(20), (service["name"] ?? .null).shown.padded(34)] + values + [(service["billingCodeId"] ?? .null).shown]
            lines.append("              " + row.joined(separator: "  "))
        }
        return lines
    }

    /// Why the request is not shown.
    private var absence: String {
        switch state {
        case .waiting, .running: "shown when the first attempt has ended"
        case .ended(_, let event) where event.event.data.isEmpty: "erased by a reset, or after HISTORY_DAYS"
        case .ended where kind == nil: "refused by intake, and not kept"
        case .ended where attempts + interruptions == 0: "not kept: the job was never begun"
        case .ended: "not kept, or erased after HISTORY_DAYS"
        }
    }

    // MARK: Done

    private var resultLines: [String] {
        guard case .ended(_, let event) = state else { return [] }
        guard !event.event.data.isEmpty else { return ["  " + row("result", "erased by a reset, or after 30 days: \(state.text)")] }
        let lines = EventText(event: event.json).lines
        return lines.prefix(1).map { "  " + row("result", $0) } + lines.dropFirst().map { "    " + $0 }
    }

    var json: JSON {
        let job = JSON.members([
            "tenant": lane.tenant, "product": lane.product, "jobId": id, "kind": kind, "publisher": publisher, "redriveOf": redriveOf,
            "acceptedAt": acceptedAt, "attempts": attempts, "interruptions": interruptions, "heldUp": heldUp, "apiCalls": apiCalls,
            "asked": request, "made": made.map(\.json),
        ])
        return job + state.json
    }
}

extension JobRecord.State {
    fileprivate var json: JSON {
        switch self {
        case .waiting(let moment): .members(["state": "waiting", "notBefore": moment])
        case .running: .members(["state": "running"])
        case .ended(let moment, let event):
            .members([
                "state": "ended", "endedAt": moment, "ended": event.event.type, "erased": event.event.data.isEmpty,
                "event": event.event.data.isEmpty ? JSON.null : event.json,
            ])
        }
    }

    fileprivate var text: String {
        switch self {
        case .waiting(let moment?): "waiting, not before \(Terminal.time(moment))"
        case .waiting: "waiting"
        case .running: "running"
        case .ended(let moment, let event): "\(event.event.type.rawValue) at \(moment)"
        }
    }
}

extension Attempt {
    fileprivate func lines(number: Int) -> [String] {
        let duration = began.map { ", \((ended - $0).wholeMilliseconds) ms" } ?? ""
        let head = "  " + "attempt \(number)".padded(12) + "\(began ?? ended)\(duration): \(text)"
        return [head] + (reason.map { ErrorText(error: $0.json).lines } ?? []).map { "              " + $0 }
            + calls.map { "              " + $0.line }
    }

    private var text: String {
        switch ending {
        case .finished, .givenUp: "ended the job"
        case .deferred(let until, _, _): "deferred until \(until)"
        case .postponed: "put back, and not counted"
        case .interrupted: "interrupted: the worker died, or was shut down"
        }
    }

    /// Why the job was deferred, with a hint.
    private var reason: JobError? {
        guard case .deferred(_, let error?, _) = ending else { return nil }
        guard calls.isEmpty, error.code == .autotaskUnavailable || error.code == .rateLimited else { return error }
        // No call reached Autotask: this is not its answer.
        return JobError(error.code, "The worker made no call: it holds calls back after failures in that part of Autotask.")
    }

    fileprivate var json: JSON {
        let ending: JSON =
            switch ending {
            case .finished, .givenUp: ["ending": "finished"]
            case .deferred(let until, _, _):
                .members(["ending": "deferred", "until": until]) + (reason.map { .members(["error": $0]) } ?? [:])
            case .postponed: ["ending": "postponed"]
            case .interrupted(let worker): .members(["ending": "interrupted", "worker": worker.description])
            }
        return .members(["begunAt": began, "endedAt": ended]) + ending + .members(["calls": calls.map(\.json)])
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
        var (status, failure): (Int?, String?) = (nil, nil)
        switch answer {
        case .status(let code): status = code
        case .none(let word): failure = word
        }
        return .members([
            "at": at, "method": method, "host": host, "path": path, "status": status, "failure": failure,
            "milliseconds": duration.wholeMilliseconds,
        ])
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
