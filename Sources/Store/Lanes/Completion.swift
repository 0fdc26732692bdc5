package import Contract

/// How a claim ends.
package struct Completion: Sendable {
    package var attempt: Attempt
    /// The events in the order of the sequence, all in the old epoch if the lane is reset. If the attempt ends the job, exactly one of them is
    /// terminal and answers the job; otherwise none is. A scheduled check (``QueuedJob/isScheduled``) publishes only state events, and never
    /// becomes a dead letter. The dead letter of a job keeps the payload, except that of a connect, which holds credentials.
    package var events: [Event]
    package var changes: LaneChanges
    /// What the job asks for, in the form that may be shown (``JobKind/shown(of:)``): an encoded JSON object; `nil` if it could not be opened.
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

    /// Whether the job is still held up. Nothing is published and nothing changes, so the audit log gets no row.
    package var isRepetition: Bool {
        guard case .deferred(_, _, counts: false) = attempt.ending, case .keep = changes.connection,
            case .keep = changes.refusedCredentials
        else { return false }
        return events.isEmpty
    }

    /// Checks that the events fit the attempt's end. Every store calls this before it writes anything: a completion that
    /// breaks the rule of exactly one terminal event must have no effect.
    ///
    /// - Throws: ``StoreError/Code/unexpected``.
    package func check(isScheduled: Bool) throws(StoreError) {
        if isScheduled {
            guard events.allSatisfy({ $0.jobID == nil && !$0.type.isTerminal }), attempt.givenUp == nil else {
                throw StoreError(.unexpected, "A scheduled check has no terminal event and no dead letter.")
            }
        } else {
            guard events.count(where: { $0.type.isTerminal }) == (attempt.endsJob ? 1 : 0) else {
                throw StoreError(.unexpected, "A job that ends has exactly one terminal event. A job that continues has none.")
            }
        }
    }
}

/// The changes that a job makes to its lane. The default values change nothing.
package struct LaneChanges: Sendable {
    package enum Change<Value: Sendable>: Sendable {
        case keep
        case set(Value)
        case remove
    }

    /// A change to the list of credentials that Autotask refused.
    package enum RefusalChange: Sendable {
        case keep
        /// Replaces an earlier refusal of the same credentials; beyond ``RefusedCredentials/limit`` the oldest is removed.
        case remember(RefusedCredentials)
        /// Autotask accepted these credentials.
        case forget(digest: [UInt8])
    }

    /// ``ConnectionRecord/wrappedKey`` becomes the lane's key only if the lane has none: its key may have been wrapped again meanwhile.
    package var connection: Change<ConnectionRecord>
    /// Whether ``connection`` has a new credentials key that replaces the lane's old one.
    package var replacesCredentialsKey: Bool
    package var refusedCredentials: RefusalChange
    package var billingCodes: Change<CachedBillingCodes>
    /// A change to ``LaneState/driftDigest``, for a lane with a connection.
    package var driftDigest: Change<String>
    /// Sets ``LaneState/isEligible``.
    package var becomesEligible: Bool
    /// Sets ``LaneState/isEnabled``.
    package var becomesEnabled: Bool
    /// Whether to remove every binding, every journal entry and ``LaneState/driftDigest`` first, because they belong to another
    /// Autotask database. ``LaneState/unsettledSince`` keeps the time of unresolved writes.
    package var removesBindings: Bool
    /// Clears ``LaneState/unsettledSince``, because every earlier write must have arrived by now.
    package var becomesSettled: Bool
    /// Bindings to insert. They replace those of the same plan and key.
    package var bindings: [ServiceBinding]
    /// Bindings to remove: services that left the plan.
    package var retired: [(planID: String, serviceKey: String)]
    /// See ``LaneEffects/journal(_:notes:under:at:)``.
    package var journal: [JournalEntry]
    /// Notes for the audit log.
    package var notes: [AuditNote]
    /// The revision of a sync that ran. Lower revisions of the same plan are superseded until the epoch ends.
    package var ranRevision: (planID: String, revision: Int64)?
    /// Whether to erase the lane: its key first, then credentials, zone, bindings, journal and caches. The data of all earlier terminal
    /// events, and the payload and text of all dead letters, are erased too. ``LaneState/isEligible`` stays. The epoch rises by one, and
    /// the revisions that ran are removed. ``LaneState/unsettledSince`` keeps the time of unresolved writes. The events
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
