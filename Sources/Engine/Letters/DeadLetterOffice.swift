package import Contract
package import Store
package import Vault

/// Redrives dead-lettered jobs: enters copies of them.
package struct DeadLetterOffice: Sendable {
    private let store: any DeadLetters
    private let vault: Vault

    package init(store: any DeadLetters, vault: Vault) {
        self.store = store
        self.vault = vault
    }

    /// Enters a copy of a dead-lettered job, under an id that is derived from the old one. A job that was never accepted keeps its own id.
    /// Repeated calls make only one copy.
    ///
    /// - Parameter actor: who redrives it.
    package func redrive(_ kept: KeptLetter, by actor: AuditActor, at now: Timestamp) async throws(StoreError) -> RedriveOutcome {
        if let copy = kept.copy { return .before(copy) }
        switch try await copy(of: kept) {
        case .success(let copy): return try await store.redrive(letter: kept.id, as: copy, by: actor, at: now)
        // Another call may have redriven it meanwhile.
        case .failure(.erased): return try await current(kept.id).map(RedriveOutcome.before) ?? .refused(.erased)
        case .failure(let obstacle): return .refused(obstacle)
        }
    }

    /// The job as which a dead letter would be redriven.
    package func copy(of kept: KeptLetter) async throws(StoreError) -> Result<AcceptableJob, KeptLetter.Obstacle> {
        if let obstacle = kept.obstacle { return .failure(obstacle) }
        let letter = kept.letter
        guard let tenant = letter.tenant, let product = letter.product, let old = letter.jobID, let kind = letter.cause.kind else {
            return .failure(.bodyNotKept)
        }
        // A job that the broker gave up on was never accepted: its id is still free, and sealed credentials open under no other.
        let (id, redriveOf, traceparent, expiry): (JobID, JobID?, String?, Timestamp?)
        switch letter.content {
        case .job(let dead): (id, redriveOf, traceparent, expiry) = (old.redriven, old, dead.traceparent, nil)
        case .message(let message): (id, redriveOf, traceparent, expiry) = (old, nil, message.job?.traceparent, message.job?.expiry)
        }
        guard let sealed = try await store.sealedPayload(ofLetter: kept.id) else { return .failure(.erased) }
        let lane = Lane(tenant: tenant, product: product)
        guard let bytes = try? vault.openPayload(sealed, job: old, lane: lane), let data = try? JSON(parsing: bytes).withoutNullMembers,
            let payload = try? JobPayload(kind: kind, data: data, acceptsClearCredentials: false)
        else { return .failure(.unopenable) }
        let fingerprint = JobIdentity.fingerprint(type: kind.type, tenant: tenant, data: data)
        let copy = AcceptableJob(
            key: JobKey(id: id, lane: lane, digest: vault.digest(of: fingerprint)),
            kind: kind,
            planID: payload.planID,
            revision: payload.revision,
            expiry: expiry,
            traceparent: traceparent,
            publisher: letter.publisher,
            redriveOf: redriveOf,
            sealedPayload: vault.sealPayload(bytes[...], job: id, lane: lane)
        )
        return .success(copy)
    }

    /// The next step of an operation. It changes nothing: the store takes it.
    package func step(of operation: LetterOperation) async throws(StoreError) -> LetterStep {
        let letters = try await store.letters(operation.order.selection, after: operation.position, limit: operation.stepSize)
        let ids = letters.map(\.id)
        switch operation.order.action {
        case .purge: return LetterStep(of: operation, letters: ids, .purge(ids))
        case .redrive:
            var copies: [(Int64, Result<AcceptableJob, KeptLetter.Obstacle>)] = []
            for letter in letters { copies.append((letter.id, try await copy(of: letter))) }
            return LetterStep(of: operation, letters: ids, .redrive(copies))
        }
    }

    private func current(_ id: Int64) async throws(StoreError) -> KeptLetter.Copy? {
        try await store.letters(LetterSelection(ids: [id]), after: 0, limit: 1).first?.copy
    }
}
