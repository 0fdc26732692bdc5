import Contract
import Store

extension LetterOperation: ListElement {
    static let columns: [Table.Column] = [
        .init("ID", "id", .number), .init("ACTION", "action"), .init("STATE", "state"), .init("LETTERS", "matched", .number),
        .init("DONE", "done", .number), .init("SKIPPED", "skipped", .number), .init("FAILED", "failed", .number), .init("RATE", "rate"),
        .init("ORDERED", "orderedAt", .time), .init(nil, "begunAt", .time), .init(nil, "endedAt", .time), .init("ACTOR", "actor"),
        .init("SELECTION", nil, .words),
    ]

    var row: Table.Row {
        Table.Row(cells: [
            .number(id), .text(order.action.rawValue), .text(state.rawValue, state.style), .init(order.matched), .init(tally.done),
            .init(tally.skipped), .init(tally.failed), .text(order.rateText), .time(orderedAt), .init(begunAt), .init(endedAt),
            .text(actor.description), .text(order.selection.text),
        ])
    }
}

extension LetterOperation: CommandOutput {
    var json: JSON {
        .members([
            "id": id, "action": order.action.rawValue, "state": state.rawValue, "selection": order.selection.members,
            "rate": JSON.number(order.rateText), "actor": actor.description, "orderedAt": orderedAt, "begunAt": begunAt, "endedAt": endedAt,
            "matched": order.matched, "done": tally.done, "skipped": tally.skipped, "failed": tally.failed, "failures": failures,
            "remainingSeconds": remaining.map { JSON($0.wholeSeconds) },
        ])
    }

    private var failures: JSON {
        var members = JSONObject()
        for (reason, count) in tally.failures.sorted(by: { $0.key < $1.key }) { members[reason] = JSON(count) }
        return .object(members)
    }

    var lines: [String] {
        var lines = [Terminal.styled("\(id)", .bold) + "  \(order.action.rawValue)  " + Terminal.styled(state.rawValue, state.style)]
        func add(_ name: String, _ value: String?) { if let value { lines.append("  " + name.padded(14) + value) } }
        add("selection", order.selection.text)
        add("progress", progress)
        for (reason, count) in tally.failures.sorted(by: { $0.key < $1.key }) {
            add("failed", "\(count) \(reason): \(LetterOperation.message(of: reason))")
        }
        add("rate", "at most \(order.rateText) a second")
        add("left", remaining.map { "at most \(Duration.seconds($0.wholeSeconds).inWords)" })
        add("ordered", "\(Terminal.time(orderedAt)) by \(actor)")
        add("begun", begunAt.map(Terminal.time) ?? (endedAt == nil ? "not yet: a running worker begins within three seconds" : nil))
        add(state == .cancelled ? "cancelled" : "ended", endedAt.map(Terminal.time))
        return lines
    }

    /// Why dead letters could not be redriven, and what to do.
    private static func message(of reason: String) -> String {
        switch reason {
        case LetterTally.idTaken: RedriveOutcome.idTakenMessage
        case LetterTally.unreadable: "A row of its integration cannot be read: autotask-worker doctor names it."
        default: KeptLetter.Obstacle(rawValue: reason)?.message ?? "See autotask-worker dead-letters list --ungrouped."
        }
    }

    /// `120 of 312 dead letters done, 2 skipped, 3 failed`.
    var progress: String {
        "\(tally.done) of \(order.matched.of("dead letter")) done, \(tally.skipped) skipped, \(tally.failed) failed"
    }

    /// What it is about to do: the end of a sentence that begins with its name.
    var promise: String {
        let verb = order.action == .redrive ? "redrives" : "deletes"
        let time = Duration.seconds(remaining?.wholeSeconds ?? 0).inWords
        return "\(verb) \(order.matched.of("dead letter")), at most \(order.rateText) a second: \(time) if a worker runs."
    }
}

extension Duration {
    /// Seconds, rounded up.
    fileprivate var wholeSeconds: Int64 { (wholeMilliseconds + 999) / 1000 }
}

extension LetterOperation.State {
    fileprivate var style: Terminal.Style {
        switch self {
        case .waiting: .dim
        case .running: .bold
        case .cancelled: .warning
        case .ended: .success
        }
    }
}

extension LetterSelection {
    /// `tenant msp-1, reason attempts_spent`.
    var text: String {
        var parts = [
            ids.map { $0.count == 1 ? "the dead letter \($0.first ?? 0)" : "\($0.count) dead letters by id" },
            fingerprint.map { "fingerprint \($0)" }, tenant.map { "tenant \($0)" }, reason.map { "reason \($0)" },
        ].compactMap(\.self)
        if let before { parts.append("before \(before)") }
        return parts.isEmpty ? "all" : parts.joined(separator: ", ")
    }
}
