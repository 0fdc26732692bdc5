import Contract
import Store
import Testing

@testable import autotask_worker

/// Background operations, as the commands print them.
struct OperationTextTests {
    private let now = Timestamp("2026-11-22T08:00:00Z")!

    private func operation(_ selection: LetterSelection = .all, matched: Int = 312) -> LetterOperation {
        let order = LetterOperationOrder(.redrive, selection, upTo: 400, matched: matched, rate: 2.5)
        return LetterOperation(id: 7, order: order, actor: .systemUser(1000), orderedAt: now)
    }

    private func words(_ operation: LetterOperation) -> [String] {
        operation.lines.map { TerminalText($0).description.split(separator: " ").joined(separator: " ") }
    }

    @Test("An operation that no worker has begun says what it waits for")
    func waiting() {
        let lines = words(operation(LetterSelection(tenant: TenantID("msp-1"), reason: "attempts_spent")))
        #expect(
            lines == [
                "7 redrive waiting", "selection tenant msp-1, reason attempts_spent",
                "progress 0 of 312 dead letters done, 0 skipped, 0 failed", "rate at most 2.5 a second", "left at most 2 min",
                "ordered 2026-11-22T08:00:00.000Z by user:1000", "begun not yet: a running worker begins within three seconds",
            ]
        )
    }

    @Test("A cancelled operation has its progress, and what failed with the reason and what to do")
    func cancelled() {
        var operation = operation(LetterSelection(ids: [3]), matched: 1)
        operation.begunAt = now
        operation.tally.failures = ["connect": 2, "id_taken": 1]
        operation.cancel(at: now + .seconds(1))
        let lines = words(operation)
        #expect(lines.first == "7 redrive cancelled" && lines.last == "cancelled 2026-11-22T08:00:01.000Z")
        #expect(lines.contains("selection the dead letter 3"))
        #expect(lines.contains("progress 0 of 1 dead letter done, 0 skipped, 3 failed"))
        #expect(lines.contains { $0.hasPrefix("failed 2 connect: A connect cannot be redriven: it holds credentials") })
        #expect(lines.contains { $0.hasPrefix("failed 1 id_taken: Another job has the id") })
        #expect(!lines.contains { $0.hasPrefix("left") })
    }

    @Test("A document has every figure, and the remaining time in whole seconds")
    func document() {
        var operation = operation(LetterSelection(before: now), matched: 9)
        operation.begunAt = now
        operation.tally.done = 2
        operation.tally.failures = ["outdated": 1]
        let json = operation.json
        #expect(json["id"] == 7 && json["action"] == "redrive" && json["state"] == "running" && json["rate"] == .number("2.5"))
        #expect(json["selection"] == ["before": "2026-11-22T08:00:00.000Z"] && json["failures"] == ["outdated": 1])
        #expect(json["matched"] == 9 && json["done"] == 2 && json["skipped"] == 0 && json["failed"] == 1)
        // Six are left, at 2.5 a second.
        #expect(json["remainingSeconds"] == 3 && json["endedAt"] == .null && json["actor"] == "user:1000")
    }

    @Test("The order of an operation is a sentence with the time that it takes")
    func promise() {
        #expect(operation().promise == "redrives 312 dead letters, at most 2.5 a second: 2 min if a worker runs.")
    }
}
