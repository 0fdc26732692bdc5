package import Contract

/// An operator's order that workers redrive or purge many dead letters in the background.
///
/// A worker carries it out in steps, at most ``LetterOperationOrder/rate`` letters a second. Each step is one transaction with at most
/// ``lettersPerStep`` letters, which also stores the progress: a worker that is killed leaves nothing half done, and any worker goes on.
package struct LetterOperation: Hashable, Sendable {
    package enum State: String, Sendable {
        /// No worker has begun it.
        case waiting
        case running
        /// An operator ended it, or the store was restored from a copy that was made while it ran.
        case cancelled
        case ended
    }

    /// The maximum number of letters in one step.
    package static let lettersPerStep = 50
    /// How many operations a store may have that have not ended.
    package static let limit = 100
    /// The rates that an operation may have, in letters a second.
    package static let rates = 0.1...1000

    package var id: Int64
    package var order: LetterOperationOrder
    package var actor: AuditActor
    package var orderedAt: Timestamp
    /// The letters up to this id are dealt with.
    package var position: Int64
    package var tally: LetterTally
    /// When a worker took the first step.
    package var begunAt: Timestamp?
    /// The time of the next step.
    package var nextAt: Timestamp?
    package var endedAt: Timestamp?
    package var isCancelled: Bool

    package init(
        id: Int64,
        order: LetterOperationOrder,
        actor: AuditActor,
        orderedAt: Timestamp,
        position: Int64 = 0,
        tally: LetterTally = LetterTally(),
        begunAt: Timestamp? = nil,
        nextAt: Timestamp? = nil,
        endedAt: Timestamp? = nil,
        isCancelled: Bool = false
    ) {
        self.id = id
        self.order = order
        self.actor = actor
        self.orderedAt = orderedAt
        self.position = position
        self.tally = tally
        self.begunAt = begunAt
        self.nextAt = nextAt
        self.endedAt = endedAt
        self.isCancelled = isCancelled
    }

    package var state: State {
        if endedAt != nil { return isCancelled ? .cancelled : .ended }
        return begunAt == nil ? .waiting : .running
    }
}

/// What an operator orders: the selected letters are those that exist by then.
package struct LetterOperationOrder: Hashable, Sendable {
    package enum Action: String, CaseIterable, Sendable {
        case redrive
        case purge
    }

    package var action: Action
    /// Its ``LetterSelection/upTo`` is set, so that the operation ends.
    package let selection: LetterSelection
    /// How many letters were selected when it was ordered.
    package var matched: Int
    /// The maximum number of letters that it changes in a second.
    package var rate: Double

    /// - Parameter last: the id of the last letter that it concerns.
    package init(_ action: Action, _ selection: LetterSelection, upTo last: Int64, matched: Int, rate: Double) {
        var selection = selection
        selection.upTo = last
        self.action = action
        self.selection = selection
        self.matched = matched
        self.rate = rate
    }

    /// The id of the last letter that it concerns.
    package var last: Int64 { selection.upTo ?? 0 }

    /// The rate as a number of JSON: `10` or `0.5`.
    package var rateText: String { Int(exactly: rate).map(String.init) ?? "\(rate)" }
}

/// How many letters an operation has dealt with, by outcome.
package struct LetterTally: Hashable, Sendable {
    /// Redriven or purged.
    package var done = 0
    /// There was nothing to do: redriven before, deleted meanwhile, or not readable.
    package var skipped = 0
    /// The reasons of failures that are no ``KeptLetter/Obstacle``: another job has the copy's id, or a row of the integration is damaged.
    package static let idTaken = "id_taken"
    package static let unreadable = "integration_unreadable"

    /// By the reason for which they could not be redriven.
    package var failures: [String: Int] = [:]

    package init() {}

    package var failed: Int { failures.values.reduce(0, +) }
    package var total: Int { done + skipped + failed }

    package mutating func noteFailure(_ reason: String) { failures[reason, default: 0] += 1 }

    package mutating func note(_ outcome: RedriveOutcome) {
        switch outcome {
        case .entered: done += 1
        case .before, .gone: skipped += 1
        case .refused(let obstacle): noteFailure(obstacle.rawValue)
        case .idTaken: noteFailure(LetterTally.idTaken)
        }
    }
}
