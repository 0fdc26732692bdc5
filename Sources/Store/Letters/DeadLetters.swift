package import Contract

/// Keeps dead-lettered messages and jobs.
package protocol DeadLetters: Sendable {
    /// Returns the selected dead letters after an id, oldest first.
    func letters(_ selection: LetterSelection, after id: Int64, limit: Int) async throws(StoreError) -> [KeptLetter]

    /// Returns the selected ones of the newest dead letters before an id.
    ///
    /// - Parameters:
    ///   - id: letters with lower ids are looked at.
    ///   - reach: how many letters are looked at, whether they are selected or not.
    func letters(_ selection: LetterSelection, before id: Int64, looking reach: Int) async throws(StoreError) -> LetterPage

    /// Returns the payload of a dead-lettered job; `nil` if none is kept.
    func sealedPayload(ofLetter id: Int64) async throws(StoreError) -> [UInt8]?

    /// Records messages that the broker gave up on. One whose ``DeadMessage/death`` is already recorded changes nothing.
    ///
    /// - Returns: how many were new.
    /// - Throws: ``StoreError/Code/keyRetired`` when a payload is sealed under a retired key.
    func record(_ letters: [CollectedLetter]) async throws(StoreError) -> Int

    /// Enters a copy of a dead-lettered job as if it were accepted now, and marks the letter. The payload moves to the copy.
    /// It enters nothing twice. A job that the broker gave up on was never accepted, and is entered under its own id. If that job was delivered
    /// in another way meanwhile, the letter is only marked.
    ///
    /// - Parameters:
    ///   - copy: the copy. For an accepted job, its id is the old id's ``JobID/redriven``, and ``AcceptableJob/redriveOf`` names the old id.
    ///   - actor: who requested it.
    func redrive(
        letter id: Int64,
        as copy: AcceptableJob,
        by actor: AuditActor,
        at now: Timestamp
    ) async throws(StoreError) -> RedriveOutcome

    /// Deletes dead letters together with the payloads of their jobs.
    ///
    /// - Parameter actor: who requested it.
    /// - Returns: how many were deleted.
    func purgeLetters(_ selection: LetterSelection, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> Int
}
