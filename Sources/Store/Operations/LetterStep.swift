package import Contract

/// The next step of an operation, prepared outside the transaction: copies are opened and sealed again before.
package struct LetterStep: Sendable {
    package enum Work: Sendable {
        /// The letters with their copies, or the reasons for which they cannot be redriven.
        case redrive([(letter: Int64, copy: Result<AcceptableJob, KeptLetter.Obstacle>)])
        case purge([Int64])
    }

    package var operation: Int64
    /// The operation's position for which it was prepared. If another worker has moved it on, the step is void.
    package var from: Int64
    /// The operation's position after it.
    package var to: Int64
    package var work: Work

    /// - Parameter letters: the ids of the letters that it deals with.
    package init(of operation: LetterOperation, letters: [Int64], _ work: Work) {
        self.operation = operation.id
        from = operation.position
        to = letters.count < operation.stepSize ? operation.order.last : letters.last ?? operation.order.last
        self.work = work
    }

    /// Whether a letter cannot be redriven because the key ring does not open it.
    package var hasUnopenable: Bool {
        guard case .redrive(let letters) = work else { return false }
        return letters.contains { _, copy in
            if case .failure(.unopenable) = copy { true } else { false }
        }
    }
}

extension LetterOperation {
    /// How many letters a step deals with: those of a second, and one if a second has less.
    package var stepSize: Int { min(max(Int(order.rate), 1), LetterOperation.lettersPerStep) }

    /// Whether a step that was prepared earlier still is the next one.
    package func awaits(_ step: LetterStep) -> Bool { endedAt == nil && step.from == position }

    /// How long its next step has to wait. A time beyond the longest wait comes from a clock that was ahead: then it waits no longer.
    package func wait(at now: Timestamp) -> Duration {
        let longest = Duration.seconds(Double(stepSize) / order.rate) + Clocks.tolerance
        let wait = (nextAt ?? now) - now
        return wait > longest ? .zero : max(wait, .zero)
    }

    /// How long the rest takes at most, if a worker runs; `nil` if it has ended.
    package var remaining: Duration? { endedAt == nil ? .seconds(Double(max(order.matched - tally.total, 0)) / order.rate) : nil }

    /// Notes what a step did.
    ///
    /// - Parameter change: counts the step's letters. Only those that it changed delay the next step.
    package mutating func take(_ step: LetterStep, at now: Timestamp, _ change: (inout LetterTally) throws -> Void) rethrows {
        let before = tally.done
        try change(&tally)
        position = step.to
        begunAt = begunAt ?? now
        nextAt = now + .seconds(Double(tally.done - before) / order.rate)
        guard position >= order.last else { return }
        endedAt = now
        // No step met those that were deleted before it.
        tally.skipped += max(order.matched - tally.total, 0)
    }

    /// Ends it before its time.
    package mutating func cancel(at now: Timestamp) {
        endedAt = now
        isCancelled = true
    }
}
