package import Contract

/// What one delivery held.
package struct IntakeItem: Sendable {
    package enum Content: Sendable {
        case job(AcceptableJob)
        /// An `autotask.job.*` that is not valid: it claims its id, and `event` (its `job.rejected`) answers it.
        case refused(JobKey, event: Event, DeadLetter)
        /// Nothing that could be answered, or from somebody who is not trusted.
        case deadLetter(DeadLetter)
    }

    package var content: Content
    /// SHA-256 of the body when the broker marked it as redelivered: its count ends here.
    package var redeliveredSHA256: [UInt8]?
    /// It is compared with ``Arrival/overtakers`` that were accepted after this place and before its own
    /// transaction; `nil`: with none.
    package var overtakersAfter: Int64?

    package init(_ content: Content, redeliveredSHA256: [UInt8]? = nil, overtakersAfter: Int64? = nil) {
        self.content = content
        self.redeliveredSHA256 = redeliveredSHA256
        self.overtakersAfter = overtakersAfter
    }

    /// What identifies it; `nil` for what claims no id.
    package var key: JobKey? {
        switch content {
        case .job(let job): job.key
        case .refused(let key, _, _): key
        case .deadLetter: nil
        }
    }
}

/// A message that came back to its queue, and was delivered again.
package struct CountedRedelivery: Hashable, Sendable {
    /// How often that was counted, this time included.
    package var count: Int
    /// The place of the job that was accepted last, of all lanes; 0 for none.
    package var lastPlace: Int64

    package init(count: Int, lastPlace: Int64) {
        self.count = count
        self.lastPlace = lastPlace
    }
}

/// What makes a job the same job: (tenant, id) is the key, the digest tells whether the payload is the same too.
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

/// A valid job, its payload sealed.
package struct AcceptableJob: Sendable {
    package var key: JobKey
    package var kind: JobKind
    /// Of a sync or a preview.
    package var planID: String?
    package var revision: Int64?
    /// When its portal made it, if it says so.
    package var requestedAt: Timestamp?
    package var expiry: Timestamp?
    package var traceparent: String?
    /// The broker user that published it.
    package var publisher: String?
    /// The job that it is a copy of, when it comes from a redriven dead letter.
    package var redriveOf: JobID?
    /// The job's `data`, sealed under the key ring's job key. Blanked when the job ends.
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
    /// The place that was given last, as the caller knows it. If another was given since, nothing is taken in (``Intake/isTakenIn``). `nil`: no
    /// comparison.
    package var lastPlace: Int64?
    /// The jobs that an arrival ends if others wait in its lane.
    package var admit: @Sendable (Arrival) -> Admission
    /// Makes the `job.conflict` for an item whose id belongs to a job with another payload.
    package var conflict: @Sendable (IntakeItem) -> Event

    package init(
        laneLimit: Int,
        lastPlace: Int64? = nil,
        admit: @escaping @Sendable (Arrival) -> Admission,
        conflict: @escaping @Sendable (IntakeItem) -> Event
    ) {
        self.laneLimit = laneLimit
        self.lastPlace = lastPlace
        self.admit = admit
        self.conflict = conflict
    }
}

/// The result of ``JobInbox/accept(_:by:at:rules:)``.
package struct Intake: Sendable {
    package enum Outcome: Hashable, Sendable {
        /// New; `order` is its place in its lane.
        case accepted(order: Int64)
        /// Finished before: its terminal event is published again.
        case replayed
        /// The same job is waiting or running: nothing more happens.
        case underWay
        case conflict
        /// New, and ended at once in favour of one that waits, or because its lane is full.
        case ended(EventType)
        case refused
        case deadLettered
    }

    /// In the items' order.
    package var outcomes: [Outcome]
    package var events: [OutboxEntry]
    /// The place that was given last, of all lanes; 0 for none.
    package var lastPlace: Int64
    /// `false` if it was another one than the caller knew: then nothing was changed.
    package var isTakenIn: Bool

    package init(outcomes: [Outcome], events: [OutboxEntry], lastPlace: Int64, isTakenIn: Bool = true) {
        self.outcomes = outcomes
        self.events = events
        self.lastPlace = lastPlace
        self.isTakenIn = isTakenIn
    }
}

extension Intake {
    /// The lanes of jobs that were refused at once because they are full, by how many these were.
    package func refusals(of items: [IntakeItem]) -> [Lane: Int] {
        var refusals: [Lane: Int] = [:]
        for case (let item, .ended(.jobRejected)) in zip(items, outcomes) {
            if case .job(let job) = item.content { refusals[job.key.lane, default: 0] += 1 }
        }
        return refusals
    }
}
