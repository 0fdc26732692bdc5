package import Contract

/// How a claim ends.
package struct Completion: Sendable {
    package var attempt: Attempt
    /// In the order in which they take their places in the sequence, all in the old epoch if the lane is reset. If the attempt ends the job,
    /// exactly one of them is terminal and answers the job; otherwise none is. A scheduled check (``QueuedJob/isScheduled``) has state
    /// events only.
    package var events: [Event]
    package var changes: LaneChanges
    /// What the job asks for, as it may be shown (``JobKind/shown(of:)``): an encoded JSON object; `nil` if it could not be opened.
    package var asked: [UInt8]?
    /// Whether the store keeps a history of jobs. If not, it keeps only the attempt's outline.
    package var keepsHistory: Bool

    package init(
        _ attempt: Attempt,
        events: [Event],
        changes: LaneChanges = LaneChanges(),
        asked: [UInt8]? = nil,
        keepsHistory: Bool = false
    ) {
        self.attempt = attempt
        self.events = events
        self.changes = changes
        self.asked = asked
        self.keepsHistory = keepsHistory
    }

    /// The end of a claim whose worker is gone.
    package init(interrupting worker: WorkerID, at now: Timestamp) {
        self.init(Attempt(ended: now, .interrupted(worker)), events: [])
    }

    /// What a job's row keeps of the attempt.
    package var kept: Attempt? { keepsHistory ? attempt.kept : attempt.outline }

    /// The content of its `job.deferred`, if it has one.
    package var deferral: PublishedDeferral? {
        guard case .deferred(let until, let error?, _) = attempt.ending, events.contains(where: { $0.type == .jobDeferred }) else {
            return nil
        }
        return PublishedDeferral(code: error.code, delay: max(until - attempt.ended, .zero))
    }

    /// How the attempt ended, in a word: the type of the event that answers the job, if one does.
    package var word: String {
        switch attempt.ending {
        case .finished, .givenUp: events.first { $0.type.isTerminal }?.type.rawValue ?? "checked"
        case .deferred: EventType.jobDeferred.rawValue
        case .postponed: "postponed"
        case .interrupted: "interrupted"
        }
    }

    /// Whether the job is held up as before: nothing is published and nothing changes, so the audit log has no row of it.
    package var isRepetition: Bool {
        guard case .deferred(_, _, counts: false) = attempt.ending, case .keep = changes.connection,
            case .keep = changes.refusedCredentials
        else { return false }
        return events.isEmpty
    }

    /// Checks that the events are those that may come with the attempt's end. Every store asks it before it writes anything: a completion that
    /// breaks the rule of exactly one terminal event must leave nothing behind.
    ///
    /// - Throws: ``StoreError/Code/unexpected``.
    package func check(isScheduled: Bool) throws(StoreError) {
        if isScheduled {
            guard events.allSatisfy({ $0.jobID == nil && !$0.type.isTerminal }), attempt.givenUp == nil else {
                throw StoreError(.unexpected, "A scheduled check has no terminal event and no dead letter.")
            }
        } else {
            guard events.count(where: { $0.type.isTerminal }) == (attempt.endsJob ? 1 : 0) else {
                throw StoreError(.unexpected, "A job that ends has exactly one terminal event, and one that does not end has none.")
            }
        }
    }
}

/// What a job changes of its lane. Whatever is not named stays as it is.
package struct LaneChanges: Sendable {
    package enum Change<Value: Sendable>: Sendable {
        case keep
        case set(Value)
        case remove
    }

    /// What becomes of the memory of credentials that Autotask refused.
    package enum RefusalChange: Sendable {
        case keep
        /// In the place of an earlier refusal of the same; beyond ``RefusedCredentials/limit`` the oldest is forgotten.
        case remember(RefusedCredentials)
        /// They were accepted.
        case forget(digest: [UInt8])
    }

    /// With it, ``ConnectionRecord/wrappedKey`` becomes the lane's key only if the lane has none: it may have been wrapped anew meanwhile.
    package var connection: Change<ConnectionRecord>
    /// Whether ``connection`` brings a new credentials key, and the lane's old one goes.
    package var replacesCredentialsKey: Bool
    package var refusedCredentials: RefusalChange
    package var billingCodes: Change<CachedBillingCodes>
    /// Of a lane with a connection.
    package var driftDigest: Change<String>
    /// Sets ``LaneState/isEligible``.
    package var becomesEligible: Bool
    /// Sets ``LaneState/isEnabled``.
    package var becomesEnabled: Bool
    /// Whether every binding and journal entry is removed first, and ``LaneState/driftDigest`` with them, because they belong to another
    /// Autotask database. ``LaneState/unsettledSince`` keeps the time of unsettled writes.
    package var removesBindings: Bool
    /// Clears ``LaneState/unsettledSince``: every write on its way must have arrived.
    package var becomesSettled: Bool
    /// Inserted, or replacing those of the same plan and key.
    package var bindings: [ServiceBinding]
    /// Bindings that end: services that left the plan.
    package var retired: [(planID: String, serviceKey: String)]
    /// As in ``LaneEffects/journal(_:notes:under:at:)``.
    package var journal: [JournalEntry]
    /// What the audit log tells of it.
    package var notes: [AuditNote]
    /// The revision of a sync that ran: a lower one of the same plan is superseded from now on, as long as the epoch lasts.
    package var ranRevision: (planID: String, revision: Int64)?
    /// The lane is erased: its key first, then credentials, zone, bindings, journal, caches, and the data of every terminal event so far,
    /// the reset's own excepted, and of every dead letter the payload and the text. ``LaneState/isEligible`` stays. The epoch rises by one, and
    /// the revisions that ran end with the old one. ``LaneState/unsettledSince`` keeps the time of unsettled writes. The events
    /// of the completion are held back (``OutboxEntry/isHeld``) until the erased data has left all files.
    package var resets: Bool

    package init(
        connection: Change<ConnectionRecord> = .keep,
        replacesCredentialsKey: Bool = false,
        refusedCredentials: RefusalChange = .keep,
        billingCodes: Change<CachedBillingCodes> = .keep,
        driftDigest: Change<String> = .keep,
        becomesEligible: Bool = false,
        becomesEnabled: Bool = false,
        removesBindings: Bool = false,
        becomesSettled: Bool = false,
        bindings: [ServiceBinding] = [],
        retired: [(planID: String, serviceKey: String)] = [],
        journal: [JournalEntry] = [],
        notes: [AuditNote] = [],
        ranRevision: (planID: String, revision: Int64)? = nil,
        resets: Bool = false
    ) {
        self.connection = connection
        self.replacesCredentialsKey = replacesCredentialsKey
        self.refusedCredentials = refusedCredentials
        self.billingCodes = billingCodes
        self.driftDigest = driftDigest
        self.becomesEligible = becomesEligible
        self.becomesEnabled = becomesEnabled
        self.removesBindings = removesBindings
        self.becomesSettled = becomesSettled
        self.bindings = bindings
        self.retired = retired
        self.journal = journal
        self.notes = notes
        self.ranRevision = ranRevision
        self.resets = resets
    }
}
