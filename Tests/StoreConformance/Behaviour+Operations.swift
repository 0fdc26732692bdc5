import Contract
import Store
import Testing

extension Behaviour {
    static let operations: [Behaviour] = [
        Behaviour("an operation redrives the dead letters that existed when it was ordered, in steps") { bench in
            for id in ["a", "b", "c"] { try await bench.giveUp(id, revision: 1) }
            let ordered = try await bench.order(.redrive, rate: 2)
            #expect(ordered.state == .waiting && ordered.stepSize == 2 && ordered.remaining == .seconds(1.5))
            try await bench.giveUp("late", .two, revision: 1)

            let first = try #require(try await bench.step(of: ordered, at: bench.time(5)))
            #expect(first.state == .running && first.begunAt == bench.time(5) && first.tally.done == 2 && first.position == 2)
            #expect(first.wait(at: bench.time(5)) == .seconds(1) && first.wait(at: bench.time(6)) == .zero)
            #expect(try await bench.unfinished() == ["a:redrive-1", "b:redrive-1"])
            #expect(try await bench.store.operation(ordered.id) == first)
            #expect(try await bench.store.openOperations() == [first])

            let last = try #require(try await bench.step(of: first, at: bench.time(6)))
            #expect(last.state == .ended && last.endedAt == bench.time(6) && last.tally.done == 3 && last.remaining == nil)
            #expect(try await bench.store.openOperations().isEmpty)
            let copies = try await bench.store.letters(.all, after: 0, limit: 10).map(\.copy?.id.description)
            #expect(copies == ["a:redrive-1", "b:redrive-1", "c:redrive-1", nil])
        },
        Behaviour("a step that is taken twice changes nothing the second time") { bench in
            for id in ["a", "b", "c"] { try await bench.giveUp(id, revision: 1) }
            let ordered = try await bench.order(.redrive, rate: 2)
            let step = try await bench.nextStep(of: ordered)
            let first = try #require(try await bench.store.take(step, by: bench.worker, at: bench.time(5)))
            let rows = try await bench.auditRows().count
            #expect(try await bench.store.take(step, by: WorkerID("worker-2"), at: bench.time(5)) == nil)
            #expect(try await bench.store.operation(ordered.id) == first)
            #expect(try await bench.unfinished() == ["a:redrive-1", "b:redrive-1"])
            #expect(try await bench.auditRows().count == rows)
        },
        Behaviour("a cancelled operation takes no further step, and keeps its progress") { bench in
            for id in ["a", "b"] { try await bench.giveUp(id, revision: 1) }
            let first = try #require(try await bench.step(of: try await bench.order(.redrive, rate: 1)))
            let step = try await bench.nextStep(of: first)
            let cancelled = try #require(try await bench.store.cancelOperation(first.id, by: .systemUser(9), at: bench.time(7)))
            #expect(cancelled.state == .cancelled && cancelled.endedAt == bench.time(7) && cancelled.tally.done == 1)
            for id in [first.id, 0, .min, .max] {
                #expect(try await bench.store.cancelOperation(id, by: .systemUser(9), at: bench.time(8)) == nil)
            }
            #expect(try await bench.store.operation(.max) == nil)
            #expect(try await bench.store.take(step, by: bench.worker, at: bench.time(8)) == nil)
            #expect(try await bench.store.operation(first.id) == cancelled)
            #expect(try await bench.unfinished() == ["a:redrive-1"])
        },
        Behaviour("an operation counts what it skips, and what fails by its reason") { bench in
            for id in ["a", "b", "c", "d"] { try await bench.giveUp(id, revision: 1) }
            let letters = try await bench.store.letters(.all, after: 0, limit: 10).map(\.id)
            let ordered = try await bench.order(.redrive, rate: 10)
            // Since it was ordered, one was redriven and one deleted; the id of a third copy is taken.
            let work = try await bench.nextStep(of: ordered, failing: [letters[0]: .erased, letters[3]: .unopenable])
            _ = try await bench.store.redrive(letter: letters[0], as: .copy("a"), by: .tester, at: bench.time(1))
            _ = try await bench.store.purgeLetters(LetterSelection(ids: [letters[1]]), by: .tester, at: bench.time(1))
            try await bench.accept(.job("c:redrive-1", .of("msp-1", .fileProtection), digest: [5]))
            let ended = try #require(try await bench.store.take(work, by: bench.worker, at: bench.time(5)))
            #expect(ended.state == .ended && ended.tally.done == 0 && ended.tally.skipped == 2)
            #expect(ended.tally.failures == ["id_taken": 1, "unopenable": 1] && ended.tally.failed == 2)
            #expect(ended.nextAt == bench.time(5))
            #expect(try await bench.store.operation(ordered.id) == ended)
        },
        Behaviour("an operation purges the selected dead letters, and no others") { bench in
            for (id, lane) in [("a", Lane.one), ("b", .two), ("c", .two), ("d", .two)] { try await bench.giveUp(id, lane) }
            let selection = LetterSelection(tenant: Lane.two.tenant, reason: "attempts_spent", before: bench.time(60))
            let ordered = try await bench.order(.purge, selection, rate: 2)
            let letters = try await bench.store.letters(selection, after: 0, limit: 10).map(\.id)
            #expect(ordered.order.matched == 3 && ordered.order.last == letters[2])
            let step = try await bench.nextStep(of: ordered)
            _ = try await bench.store.purgeLetters(LetterSelection(ids: [letters[0]]), by: .tester, at: bench.time(1))
            let first = try #require(try await bench.store.take(step, by: bench.worker, at: bench.time(2)))
            #expect(first.tally.done == 1 && first.tally.skipped == 1 && first.order == ordered.order)
            let last = try #require(try await bench.step(of: first, at: bench.time(3)))
            #expect(last.state == .ended && last.tally.done == 2)
            #expect(try await bench.store.deadLetters().map(\.jobID) == [JobID("a")])
        },
        Behaviour("operations have rows in the audit log, and so has each thing that they do, as their operator's act") { bench in
            for id in ["a", "b"] { try await bench.giveUp(id, revision: 1) }
            let before = try await bench.auditRows().count
            let first = try #require(try await bench.step(of: try await bench.order(.redrive, LetterSelection(ids: [1, 2]), rate: 1.5)))
            _ = try await bench.step(of: first, at: bench.time(6))
            let purge = try await bench.order(.purge, rate: 10)
            _ = try await bench.store.cancelOperation(purge.id, by: .systemUser(9), at: bench.time(7))
            let rows = try await bench.auditRows().dropFirst(before).map { ($0.entry.action, $0.entry.actor, $0.facts) }
            #expect(
                rows.map(\.0) == [
                    "operation.begun", "letter.redriven", "letter.redriven", "operation.ended", "operation.begun", "operation.ended",
                ]
            )
            #expect(rows.map(\.1) == ["user:1000", "user:1000", "user:1000", "worker:worker-1", "user:1000", "user:9"])
            #expect(
                rows[0].2 == [
                    "operation": 1, "does": "redrive", "letters": 2, "upTo": 2, "rate": .number("1.5"), "ids": [1, 2],
                ]
            )
            #expect(rows[1].2["operation"] == 1 && rows[1].2["letter"] == 1 && rows[2].2["letter"] == 2)
            #expect(
                rows[3].2 == ["operation": 1, "does": "redrive", "ended": "ended", "done": 2, "skipped": 0, "failed": 0]
            )
            #expect(rows[5].2["ended"] == "cancelled" && rows[5].2["operation"] == 2)
        },
        Behaviour("the step of a purge has a row with the operation") { bench in
            for id in ["a", "b"] { try await bench.giveUp(id, revision: 1) }
            _ = try await bench.step(of: try await bench.order(.purge, rate: 1))
            let row = try #require(try await bench.auditRows().last)
            #expect(row.entry.action == "letters.purged" && row.entry.actor == "user:1000")
            #expect(row.facts == ["count": 1, "operation": 1, "ids": [1]])
        },
        Behaviour("a step whose copy is sealed under a retired key changes nothing") { bench in
            for id in ["a", "b"] { try await bench.giveUp(id, revision: 1) }
            let ordered = try await bench.order(.redrive, rate: 10)
            var step = try await bench.nextStep(of: ordered)
            guard case .redrive(var letters) = step.work, case .success(var copy) = letters[1].copy else { throw IssueRecorded("no copy") }
            copy.sealedPayload = SealedForm.front(keyID: "old", capacity: 0) + [9]
            letters[1].copy = .success(copy)
            step.work = .redrive(letters)
            _ = try await bench.store.retireKey("old", at: bench.time(1))
            await bench.expect(.keyRetired, "a step") { _ = try await bench.store.take(step, by: bench.worker, at: bench.time(2)) }
            #expect(try await bench.store.openOperations() == [ordered])
            #expect(try await bench.unfinished() == [])
        },
        Behaviour("the renewal of a lease reports operations while there are any") { bench in
            try await bench.giveUp("a", revision: 1)
            #expect(try await !bench.store.renew(bench.worker, until: bench.time(60), at: bench.time(1)).hasOperations)
            let ordered = try await bench.order(.redrive, rate: 1)
            #expect(try await bench.store.renew(bench.worker, until: bench.time(60), at: bench.time(2)).hasOperations)
            _ = try await bench.step(of: ordered)
            #expect(try await !bench.store.renew(bench.worker, until: bench.time(60), at: bench.time(3)).hasOperations)
        },
        Behaviour("only a limited number of operations may be open at a time") { bench in
            try await bench.giveUp("a", revision: 1)
            for _ in 0..<LetterOperation.limit { _ = try await bench.order(.redrive, rate: 1) }
            let order = LetterOperationOrder(.purge, .all, upTo: 1, matched: 1, rate: 1)
            #expect(try await bench.store.begin(order, by: .tester, at: bench.time(1)) == nil)
            _ = try await bench.store.cancelOperation(1, by: .tester, at: bench.time(2))
            #expect(try await bench.store.begin(order, by: .tester, at: bench.time(3))?.id == Int64(LetterOperation.limit) + 1)
        },
        Behaviour("operations are listed the newest first, and forgotten 400 days after their end") { bench in
            try await bench.giveUp("a", revision: 1)
            for _ in 0..<3 { _ = try await bench.order(.redrive, rate: 1) }
            #expect(try await bench.store.operations(before: .max, limit: 2).map(\.id) == [3, 2])
            #expect(try await bench.store.operations(before: 2, limit: 2).map(\.id) == [1])
            #expect(try await bench.store.operation(4) == nil)
            for id in [1, 3] { _ = try await bench.store.cancelOperation(Int64(id), by: .tester, at: bench.time(id)) }
            try await bench.store.prune(at: bench.time(2) + Retention.ids)
            #expect(try await bench.store.operations(before: .max, limit: 9).map(\.id) == [3, 2])
        },
    ]
}

extension Bench {
    /// Orders an operation over the dead letters that are selected now.
    fileprivate func order(
        _ action: LetterOperationOrder.Action,
        _ selection: LetterSelection = .all,
        rate: Double
    ) async throws -> LetterOperation {
        let letters = try await store.letters(selection, after: 0, limit: 100)
        let order = LetterOperationOrder(action, selection, upTo: letters.last?.id ?? 0, matched: letters.count, rate: rate)
        return try #require(try await store.begin(order, by: .tester, at: Bench.start))
    }

    /// Prepares the next step as an engine does.
    ///
    /// - Parameter failing: the letters that cannot be copied, by their ids.
    fileprivate func nextStep(of operation: LetterOperation, failing: [Int64: KeptLetter.Obstacle] = [:]) async throws -> LetterStep {
        let letters = try await store.letters(operation.order.selection, after: operation.position, limit: operation.stepSize)
        let ids = letters.map(\.id)
        guard operation.order.action == .redrive else { return LetterStep(of: operation, letters: ids, .purge(ids)) }
        let copies = letters.map { kept -> (Int64, Result<AcceptableJob, KeptLetter.Obstacle>) in
            (kept.id, failing[kept.id].map { .failure($0) } ?? .success(.copy(kept.letter.jobID?.description ?? "", revision: 1)))
        }
        return LetterStep(of: operation, letters: ids, .redrive(copies))
    }

    fileprivate func step(of operation: LetterOperation, at now: Timestamp = Bench.start) async throws -> LetterOperation? {
        try await store.take(try await nextStep(of: operation), by: worker, at: now)
    }
}
