package import Contract

/// The content of one delivery.
package struct IntakeItem: Sendable {
    package enum Content: Sendable {
        case job(AcceptableJob)
        /// An `autotask.job.*` that is not valid. It claims its id, and `event` (its `job.rejected`) answers it.
        case refused(JobKey, event: Event, DeadLetter)
        /// A message that cannot be answered, or whose publisher is not trusted.
        case deadLetter(DeadLetter)
    }

    package var content: Content
    /// SHA-256 of the body if the broker marked it as redelivered. Its count ends here.
    package var redeliveredSHA256: [UInt8]?
    /// The job is compared with ``Arrival/overtakers`` that were accepted after this place and before its own
    /// transaction; `nil` for no comparison.
    package var overtakersAfter: Int64?

    package init(_ content: Content, redeliveredSHA256: [UInt8]? = nil, overtakersAfter: Int64? = nil) {
        self.content = content
        self.redeliveredSHA256 = redeliveredSHA256
        self.overtakersAfter = overtakersAfter
    }

    /// The key that the item claims; `nil` if it claims no id.
    package var key: JobKey? {
        switch content {
        case .job(let job): job.key
        case .refused(let key, _, _): key
        case .deadLetter: nil
        }
    }
}

/// A message that returned to its queue and was delivered again.
package struct CountedRedelivery: Hashable, Sendable {
    /// The number of redeliveries, this one included.
    package var count: Int
    /// The place of the last accepted job of all lanes; 0 for none.
    package var lastPlace: Int64

    package init(count: Int, lastPlace: Int64) {
        self.count = count
        self.lastPlace = lastPlace
    }
}

/// The identity of a job. (tenant, id) is the key; the digest shows whether the payload is also the same.
package struct JobKey: Hashable, Sendable {
    package var id: JobID
    package var lane: Lane
    /// The keyed MAC over type, subject and canonical data.
    package var digest: [UInt8]

    package init(id: JobID, lane: Lane, digest: [UInt8]) {
        self.id = id
        self.lane = lane
        self.digest = digest
    }
}

/// A valid job with its sealed payload.
package struct AcceptableJob: Sendable {
    package var key: JobKey
    package var kind: JobKind
    /// The plan of a sync or a preview.
    package var planID: String?
    package var revision: Int64?
    /// When its portal created it, if the portal says so.
    package var requestedAt: Timestamp?
    package var expiry: Timestamp?
    package var traceparent: String?
    /// The broker user that published it.
    package var publisher: String?
    /// The job that it is a copy of, when it comes from a redriven dead letter.
    package var redriveOf: JobID?
    /// The job's `data`, sealed under the key ring's job key. It is erased when the job ends.
    package var sealedPayload: [UInt8]

    package init(
        key: JobKey,
        kind: JobKind,
        planID: String? = nil,
        revision: Int64? = nil,
        requestedAt: Timestamp? = nil,
        expiry: Timestamp? = nil,
        traceparent: String? = nil,
        publisher: String? = nil,
        redriveOf: JobID? = nil,
        sealedPayload: [UInt8]
    ) {
        self.key = key
        self.kind = kind
        self.planID = planID
        self.revision = revision
        self.requestedAt = requestedAt
        self.expiry = expiry
        self.traceparent = traceparent
        self.publisher = publisher
        self.redriveOf = redriveOf
        self.sealedPayload = sealedPayload
    }
}

/// Rules that the store applies while it accepts jobs. The functions are pure; a repeated transaction calls them again.
package struct IntakeRules: Sendable {
    /// The number of unfinished jobs at which a lane is full.
    package var laneLimit: Int
    /// The last place that the caller knows. If the store has assigned another since, it accepts nothing (``Acceptance/isTakenIn``). `nil` for no
    /// comparison.
    package var lastPlace: Int64?
    /// Returns the jobs that an arrival ends if others wait in its lane.
    package var admit: @Sendable (Arrival) -> Admission
    /// Makes the `job.conflict` for an item whose id belongs to a job with another payload.
    package var conflict: @Sendable (IntakeItem) -> Event
    /// Claims the lanes of jobs that need not wait; `nil` if the caller has no free slot.
    package var claims: ArrivalClaims?

    package init(
        laneLimit: Int,
        lastPlace: Int64? = nil,
        claims: ArrivalClaims? = nil,
        admit: @escaping @Sendable (Arrival) -> Admission,
        conflict: @escaping @Sendable (IntakeItem) -> Event
    ) {
        self.laneLimit = laneLimit
        self.lastPlace = lastPlace
        self.claims = claims
        self.admit = admit
        self.conflict = conflict
    }
}

/// The result of ``JobInbox/accept(_:by:at:rules:)``.
package struct Acceptance: Sendable {
    package enum Outcome: Hashable, Sendable {
        /// New; `order` is its place in its lane.
        case accepted(order: Int64)
        /// The job has already finished: its terminal event is published again.
        case replayed
        /// The same job is waiting or running: nothing more happens.
        case underWay
        case conflict
        /// New, but ended at once in favour of a waiting job, or because its lane is full.
        case ended(EventType)
        case refused
        case deadLettered
    }

    /// In the order of the items.
    package var outcomes: [Outcome]
    package var events: [OutboxEntry]
    /// The claimed lanes (``IntakeRules/claims``). Each is in the caller's hands like one of ``LaneClaims/claim(_:at:decide:)``.
    package var claims: [LaneClaim] = []
    /// The last place that was assigned, of all lanes; 0 for none.
    package var lastPlace: Int64
    /// `false` if the last place differed from the one that the caller knew: then nothing was changed.
    package var isTakenIn: Bool

    package init(outcomes: [Outcome], events: [OutboxEntry], lastPlace: Int64, isTakenIn: Bool = true) {
        self.outcomes = outcomes
        self.events = events
        self.lastPlace = lastPlace
        self.isTakenIn = isTakenIn
    }
}

extension Acceptance {
    /// Counts the jobs that were refused because their lane was full, by lane.
    package func refusals(of items: [IntakeItem]) -> [Lane: Int] {
        var refusals: [Lane: Int] = [:]
        for case (let item, .ended(.jobRejected)) in zip(items, outcomes) {
            if case .job(let job) = item.content { refusals[job.key.lane, default: 0] += 1 }
        }
        return refusals
    }
}
