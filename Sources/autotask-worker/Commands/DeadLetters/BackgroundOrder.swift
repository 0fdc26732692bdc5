import ArgumentParser
import Contract
import SQLiteStore
import Store

/// The option with which a worker does the command's work.
struct BackgroundOptions: ParsableArguments {
    @Flag(help: "Let a running worker do it. The command ends at once.") var background = false
}

/// The dead letters that are selected now.
struct LetterReach {
    /// As it was when they were counted.
    let selection: LetterSelection
    let count: Int
    /// The id of the newest of them.
    let last: Int64
    /// The ids that name no dead letter.
    let missing: [Int64]

    var failure: ExitCode? { missing.isEmpty ? nil : ExitCode.no }

    var missingLines: [String] { missing.map { "\($0)  There is no such dead letter." } }
}

extension DeadLetters {
    /// Counts the selected dead letters. Those that arrive meanwhile may or may not be included.
    func reach(of selection: LetterSelection) async throws -> LetterReach {
        var (count, last) = (0, Int64(0))
        var missing = selection.ids ?? []
        try await forEachLetter(selection) { letter in
            count += 1
            last = letter.id
            missing.remove(letter.id)
        }
        return LetterReach(selection: selection, count: count, last: last, missing: missing.sorted())
    }
}

/// An operation that a command orders.
struct BackgroundOrder {
    /// How many dead letters a second an operation deletes by default.
    static let purgeRate = 100

    private let reach: LetterReach
    private let order: LetterOperationOrder

    /// - Throws: ``Failure`` if there is nothing to do, or the rate is out of range.
    init(_ action: LetterOperationOrder.Action, of reach: LetterReach, rate: Double) throws {
        guard LetterOperation.rates.contains(rate) else {
            throw Failure(.usage, "With --background, the rate is a number from 0.1 to 1000.")
        }
        guard reach.count > 0 else {
            throw Failure(.no, "There are no such dead letters: nothing was begun.", hint: "See autotask-worker dead-letters list.")
        }
        self.reach = reach
        order = LetterOperationOrder(action, reach.selection, upTo: reach.last, matched: reach.count, rate: rate)
    }

    /// Stores the operation.
    ///
    /// - Throws: ``Failure`` if too many have not ended.
    func begun(in store: SQLiteStore) async throws -> Outcome {
        guard let operation = try await store.begin(order, by: .caller, at: SystemTime.now) else {
            throw Failure(
                .no,
                "\(LetterOperation.limit) background operations have not ended, and there can be no more.",
                hint: "Wait for some, or cancel some. See autotask-worker operation list."
            )
        }
        var outcome = Outcome(["missing": reach.missing, "operation": operation.json], failure: reach.failure)
        outcome.lines =
            reach.missingLines + [
                "The background operation \(operation.id) \(operation.promise)",
                "To see its progress: autotask-worker operation show \(operation.id)",
            ]
        return outcome
    }
}
