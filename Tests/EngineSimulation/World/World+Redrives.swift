import Contract
import Store
import Vault

/// An operator who redrives dead letters in the background. They are of a tenant that publishes nothing itself.
extension World {
    static let redrivenLane = Lane(tenant: TenantID("msp-9")!, product: .workplace)
    private static let redriver = AuditActor.systemUser(1)

    /// Records jobs that the broker gave up on, in one run of four.
    func recordDeadLetters() {
        guard draw(0...3) == 0 else { return }
        let lane = World.redrivenLane
        for number in 1...draw(1...20) {
            let job = JobID("redriven-\(number)")!
            let message = DeadMessage(
                sha256: [7],
                size: 2,
                queue: "autotask.jobs",
                routingKey: "billing-codes.\(lane.tenant)",
                job: UndeliveredJob(publishedAt: World.start, traceparent: SimulatedTraces.traceparent(of: job.description)),
                death: "death-\(number)"
            )
            let letter = DeadLetter(
                at: World.start,
                cause: FailureCause(reason: "delivery_limit", kind: .billingCodes),
                detail: "RabbitMQ gave up on it.",
                tenant: lane.tenant,
                product: lane.product,
                jobID: job,
                publisher: "portal",
                content: .message(message)
            )
            let data = JSON.object([:]).encoded
            let sealed = World.vault.sealPayload(data[...], job: job, lane: lane)
            _ = change { $0.record(letter, sealedPayload: sealed) }
        }
    }

    /// Orders a redrive of some dead letters or all. The operator cancels it now and then.
    func redriveLetters() {
        let upTo = Int64(draw(1...20))
        guard let operation = order(upTo: upTo, rate: Double(draw(1...20)) / 2) else { return }
        faults.note(.redriven)
        guard draw(0...2) == 0 else { return }
        SimulatedProcess("operator", on: scheduler).run { [self] in
            await pause(upTo: 10_000)
            timeline.note(time.now, "operator", "cancels the operation \(operation.id)")
            _ = change { [time] in $0.cancelOperation(operation.id, by: World.redriver, at: time.now) }
        }
    }

    /// Orders a redrive of what is left.
    func redriveAllLetters() { _ = order(upTo: disk.tables.letters.last?.id ?? 0, rate: 10) }

    private func order(upTo last: Int64, rate: Double) -> LetterOperation? {
        let selection = LetterSelection(tenant: World.redrivenLane.tenant)
        let matched = disk.tables.keptLetters.count { $0.id <= last && selection.includes($0) }
        guard matched > 0 else { return nil }
        timeline.note(time.now, "operator", "redrives \(matched) dead letters, \(rate) a second")
        return change { [time] in
            $0.begin(
                LetterOperationOrder(.redrive, selection, upTo: last, matched: matched, rate: rate),
                by: World.redriver,
                at: time.now
            )
        }
    }
}

extension Invariants {
    /// Whether every operation has ended, and every job that it entered.
    static func hasRedrivenEverything(_ world: World) -> Bool {
        let tables = world.disk.tables
        return tables.operations.allSatisfy { $0.endedAt != nil }
            && tables.jobs.allSatisfy { $0.lane != World.redrivenLane || $0.finishedAt != nil }
    }

    /// Every dead letter was redriven exactly once, its job ended once, and the operations count exactly what they did.
    static func redrives(_ world: World, answers: [String: Set<String>]) -> [String] {
        let tables = world.disk.tables
        let tenant = World.redrivenLane.tenant
        let rows = tables.audit.rows.filter { $0.entry.action == AuditEntry.Action.letterRedriven.rawValue }
        let jobs = rows.compactMap(\.entry.jobID)
        var violations: [String] = []
        if Set(jobs).count < jobs.count { violations.append("A dead letter was redriven twice.") }
        if tables.operations.reduce(0, { $0 + $1.tally.done }) != rows.count {
            violations.append("The operations have not counted what they redrove.")
        }
        if tables.operations.contains(where: { $0.endedAt == nil }) { violations.append("An operation has not ended.") }
        for letter in tables.letters where letter.letter.tenant == tenant && letter.letter.reason == "delivery_limit" {
            guard let job = letter.letter.jobID, letter.copy != nil else {
                violations.append("The dead letter \(letter.id) was not redriven.")
                continue
            }
            let count = answers["\(tenant) \(job)"]?.count ?? 0
            if count != 1 { violations.append("\(job) was redriven, and ended \(count) times.") }
        }
        return violations
    }
}
