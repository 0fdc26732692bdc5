package import Contract

extension KeptLetter {
    /// What redriving a letter comes to.
    package enum Redriving: Hashable, Sendable {
        /// Nothing changes.
        case over(RedriveOutcome)
        /// Its job was delivered in another way: the letter is only marked.
        case marked(Copy)
        /// The copy is entered, and the letter marked.
        case entered
    }

    /// - Parameters:
    ///   - copy: what it is redriven as.
    ///   - taken: the digest of the job that has the copy's id; `nil` where that is free. It is not called without need.
    package func redriving(as copy: AcceptableJob, at now: Timestamp, taken: () throws -> [UInt8]?) rethrows -> Redriving {
        if let copy = self.copy { return .over(.before(copy)) }
        if let obstacle { return .over(.refused(obstacle)) }
        guard let digest = try taken() else { return .entered }
        guard case .message = letter.content, digest == copy.key.digest else { return .over(.idTaken) }
        return .marked(Copy(id: copy.key.id, at: now))
    }
}
