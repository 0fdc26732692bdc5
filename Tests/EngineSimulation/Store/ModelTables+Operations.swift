import Contract
import Store

extension ModelTables {
    mutating func begin(_ order: LetterOperationOrder, by actor: AuditActor, at now: Timestamp) -> LetterOperation? {
        guard operations.count(where: { $0.endedAt == nil }) < LetterOperation.limit else { return nil }
        lastOperation += 1
        let operation = LetterOperation(id: lastOperation, order: order, actor: actor, orderedAt: now)
        operations.append(operation)
        note(AuditEntry(begun: operation))
        return operation
    }

    mutating func cancelOperation(_ id: Int64, by actor: AuditActor, at now: Timestamp) -> LetterOperation? {
        guard let index = operations.firstIndex(where: { $0.id == id && $0.endedAt == nil }) else { return nil }
        operations[index].cancel(at: now)
        note(AuditEntry(ended: operations[index], by: actor, at: now))
        return operations[index]
    }

    mutating func take(_ step: LetterStep, by worker: WorkerID, at now: Timestamp) throws(StoreError) -> LetterOperation? {
        guard let index = operations.firstIndex(where: { $0.id == step.operation && $0.awaits(step) }) else { return nil }
        let before = operations[index]
        var tally = before.tally
        switch step.work {
        case .redrive(let letters):
            for (letter, copy) in letters {
                switch copy {
                case .success(let copy):
                    tally.note(try redrive(letter: letter, as: copy, in: before.id, by: before.actor, at: now))
                case .failure(let obstacle): tally.note(keptLetters.first { $0.id == letter }.refusal(for: obstacle))
                }
            }
        case .purge(let letters):
            let count = purgeLetters(LetterSelection(ids: Set(letters)), in: before.id, by: before.actor, at: now)
            tally.done += count
            tally.skipped += letters.count - count
        }
        operations[index].take(step, at: now) { $0 = tally }
        if operations[index].endedAt != nil { note(AuditEntry(ended: operations[index], by: .worker(worker), at: now)) }
        return operations[index]
    }
}
