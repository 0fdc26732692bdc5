package import Contract

extension KeptLetter {
    /// The result of a redrive.
    package enum Redriving: Hashable, Sendable {
        /// Nothing changes.
        case over(RedriveOutcome)
        /// Its job was delivered in another way: the letter is only marked.
        case marked(Copy)
        /// The copy is entered, and the letter marked.
        case entered
    }

    /// - Parameters:
    ///   - copy: the copy to enter.
    ///   - taken: returns the digest of the job with the copy's id; `nil` if the id is free. It is called only if needed.
    package func redriving(as copy: AcceptableJob, at now: Timestamp, taken: () throws -> [UInt8]?) rethrows -> Redriving {
        if let copy = self.copy { return .over(.before(copy)) }
        if let obstacle { return .over(.refused(obstacle)) }
        guard let digest = try taken() else { return .entered }
        guard case .message = letter.content, digest == copy.key.digest else { return .over(.idTaken) }
        return .marked(Copy(id: copy.key.id, at: now))
    }
}

extension KeptLetter? {
    /// The outcome for a letter that was found not to be redrivable before the transaction: another call may have redriven it meanwhile.
    package func refusal(for obstacle: KeptLetter.Obstacle) -> RedriveOutcome {
        guard let kept = self else { return .gone }
        return kept.copy.map { .before($0) } ?? .refused(obstacle)
    }
}
