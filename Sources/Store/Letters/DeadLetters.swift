package import Contract

/// Messages and jobs that were given up on.
package protocol DeadLetters: Sendable {
    /// Dead letters that are meant, the oldest first, behind the one with this id.
    func letters(_ selection: LetterSelection, after id: Int64, limit: Int) async throws(StoreError) -> [KeptLetter]

    /// What is kept of a letter's job; `nil` if nothing is.
    func sealedPayload(ofLetter id: Int64) async throws(StoreError) -> [UInt8]?

    /// Records messages that the broker gave up on. One whose ``DeadMessage/death`` is recorded already changes nothing.
    ///
    /// - Returns: how many were new.
    /// - Throws: ``StoreError/Code/keyRetired`` when a payload is sealed under a key that was retired.
    func record(_ letters: [CollectedLetter]) async throws(StoreError) -> Int

    /// Enters a copy of a letter's job as if it were accepted now, and marks the letter: what was kept of the job is the copy's from then on.
    /// It enters nothing twice. A job that the broker gave up on was never accepted, and is entered under its own id; where that was delivered in
    /// another way in between, the letter is only marked.
    ///
    /// - Parameters:
    ///   - copy: of a job that was accepted. Its id is the old one's ``JobID/redriven``; ``AcceptableJob/redriveOf`` names that.
    ///   - actor: who wants it so.
    func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> RedriveOutcome

    /// Forgets dead letters, and with them what is kept of their jobs.
    ///
    /// - Parameter actor: who wants it so.
    /// - Returns: how many there were.
    func purgeLetters(_ selection: LetterSelection, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Int
}
