import Contract
import Store
import Testing

/// Rules of background operations on dead letters that every store applies.
struct LetterOperationTests {
    private let now = Timestamp("2026-11-22T08:00:00Z")!

    private func operation(rate: Double, matched: Int = 100, last: Int64 = 100) -> LetterOperation {
        let order = LetterOperationOrder(.redrive, .all, upTo: last, matched: matched, rate: rate)
        return LetterOperation(id: 1, order: order, actor: .systemUser(0), orderedAt: now)
    }

    @Test(
        "A step has the letters of a second, at least one and at most 50",
        arguments: [(0.1, 1), (1, 1), (1.9, 1), (10, 10), (50, 50), (1000, 50)]
    )
    func steps(rate: Double, size: Int) { #expect(operation(rate: rate).stepSize == size) }

    @Test(
        "The next step waits until the letters that were changed fit the rate",
        arguments: [(10, 10, 1000), (10, 4, 400), (10, 0, 0), (0.5, 1, 2000), (1000, 50, 50)] as [(Double, Int, Int)]
    )
    func pace(rate: Double, done: Int, milliseconds: Int) {
        var operation = operation(rate: rate)
        let step = LetterStep(of: operation, letters: Array(1...Int64(operation.stepSize)), .purge([]))
        operation.take(step, at: now) { tally in
            tally.done += done
            tally.skipped += 1
        }
        #expect(operation.wait(at: now) == .milliseconds(milliseconds))
        #expect(operation.wait(at: now + .milliseconds(milliseconds)) == .zero)
        // The worker that took the step was up to ten seconds ahead, or its clock was wrong.
        #expect(operation.wait(at: now - .seconds(8)) == .milliseconds(milliseconds + 8000))
        #expect(operation.wait(at: now - .seconds(86_400)) == .zero)
    }

    @Test("A step that finds fewer letters than it may is the last one")
    func last() {
        var operation = operation(rate: 2, last: 9)
        let full = LetterStep(of: operation, letters: [3, 5], .purge([3, 5]))
        #expect(full.to == 5 && operation.awaits(full))
        operation.take(full, at: now) { $0.done += 2 }
        #expect(operation.state == .running && !operation.awaits(full))
        let rest = LetterStep(of: operation, letters: [6], .purge([6]))
        #expect(rest.from == 5 && rest.to == 9)
        operation.take(rest, at: now) { $0.done += 1 }
        #expect(operation.state == .ended && operation.endedAt == now && !operation.awaits(rest))
        #expect(operation.tally.done == 3 && operation.tally.skipped == 97, "deleted meanwhile")
    }

    @Test("The remaining time is that of the letters that are left, at the rate")
    func remaining() {
        var operation = operation(rate: 4, matched: 10)
        #expect(operation.remaining == .seconds(2.5))
        operation.tally.done = 1
        operation.tally.note(.gone)
        operation.tally.note(.refused(.connect))
        operation.tally.note(.idTaken)
        #expect(operation.remaining == .seconds(1.5) && operation.tally.failures == ["connect": 1, "id_taken": 1])
        operation.tally.skipped = 100
        #expect(operation.remaining == .zero)
        operation.cancel(at: now)
        #expect(operation.remaining == nil && operation.state == .cancelled)
    }

    @Test("A rate is a number of JSON", arguments: [(10, "10"), (0.5, "0.5"), (1000, "1000")] as [(Double, String)])
    func rates(rate: Double, text: String) { #expect(operation(rate: rate).order.rateText == text) }

    @Test(
        "A selection is kept as its members",
        arguments: [
            .all, LetterSelection(ids: [3, 1]), LetterSelection(fingerprint: "f", tenant: TenantID("msp-1"), reason: "r"),
            LetterSelection(before: Timestamp("2026-11-01T00:00:00.250Z")),
        ]
    )
    func selections(selection: LetterSelection) { #expect(LetterSelection(selection.members) == selection) }

    @Test(
        "Members that this program does not write select nothing, instead of more than was meant",
        arguments: [
            ["tenants": "msp-1"], ["tenant": "not a tenant"], ["tenant": 1], ["ids": "1"], ["ids": [1, "2"]], ["before": "yesterday"],
        ] as [JSONObject]
    )
    func unknownSelections(members: JSONObject) { #expect(LetterSelection(members) == nil) }

    @Test("An actor is read from its text", arguments: [AuditActor.worker(WorkerID("a:b")), .systemUser(0), .systemUser(4_294_967_295)])
    func actors(actor: AuditActor) { #expect(AuditActor(actor.description) == actor) }

    @Test("No other text is an actor", arguments: ["", "user", "user:", "user:-1", "user:4294967296", "root:0", "worker"])
    func noActors(text: String) { #expect(AuditActor(text) == nil) }
}
