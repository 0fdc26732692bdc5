/// A rule that every store obeys between two transactions (`Rules`, "States"). No worker leaves a store that breaks one, even if the
/// worker is killed.
///
/// The list is the same for every store. Each store has its own queries for the rows that break a law.
package struct StoreLaw: Hashable, Sendable {
    /// The topic of a law, which names its `doctor` check.
    package enum Topic: String, CaseIterable, Sendable {
        case jobs
        case integrations
        case credentials
        case writes
        case events
        case contents
    }

    /// What an operator can do in addition to a report.
    package enum Remedy: Sendable {
        case none
        /// Restore a backup: later events belong to a new epoch.
        case newEpoch
        /// Have the tenants connect again.
        case connect
        /// Reset the integration.
        case reset
        /// Restore a backup: another program has written to the store, or its disk has failed.
        case restore
    }

    package let topic: Topic
    /// The breach in words. The broken rows follow it.
    package let breach: String
    package let remedy: Remedy
    /// Whether its check reads everything that is remembered.
    package let isCostly: Bool

    private init(_ topic: Topic, _ breach: String, remedy: Remedy = .none, isCostly: Bool = false) {
        self.topic = topic
        self.breach = breach
        self.remedy = remedy
        self.isCostly = isCostly
    }
}

// MARK: - Lanes

extension StoreLaw {
    /// A worker holds a lane if and only if a job of the lane runs.
    package static let heldWhileRunning = StoreLaw(
        .integrations,
        "Held by a worker without a running job, or running a job without a worker"
    )
    /// The worker that holds a lane is registered: others never take over from an unknown one.
    package static let holderIsKnown = StoreLaw(
        .integrations,
        "Held by an unknown worker, so that no worker takes over"
    )
    /// The running job is one of the lane's unfinished jobs.
    package static let runningIsUnfinished = StoreLaw(.integrations, "Running a job that is not among its unfinished jobs")
    /// A free lane with unfinished jobs is in line, or has a time at which it joins the line.
    package static let workIsScheduled = StoreLaw(.integrations, "With unfinished jobs, but never in line for a worker")
    /// A lane that is held is not offered to others.
    package static let heldIsNotOffered = StoreLaw(.integrations, "Held by a worker, but in line for another")
    /// Only a lane that is held has a place at an Autotask database.
    package static let freeOccupiesNothing = StoreLaw(.integrations, "Held by no worker, but occupying a place at an Autotask database")
    /// The lanes at one Autotask database stay within the limit.
    package static let databaseIsShared = StoreLaw(.integrations, "More integrations at one Autotask database than the limit allows")
    /// The lane and its connection agree on the Autotask database.
    package static let databaseIsConnected = StoreLaw(.integrations, "Counted at an Autotask database to which it is not connected")
    /// The lane's count of unfinished jobs is correct.
    package static let backlogIsCounted = StoreLaw(.integrations, "With a wrong count of unfinished jobs")
    /// The lane's epoch and next sequence are ahead of every event.
    package static let sequenceIsAhead = StoreLaw(
        .events,
        "Events beyond the next epoch and sequence",
        remedy: .newEpoch
    )
    /// Two events of an epoch have different sequences.
    package static let sequenceIsUnique = StoreLaw(.events, "Two events with the same sequence", remedy: .newEpoch, isCostly: true)
}

// MARK: - Jobs

extension StoreLaw {
    /// A job belongs to a lane of its tenant.
    package static let jobHasLane = StoreLaw(.jobs, "In no integration, or in that of another tenant", remedy: .restore)
    /// An unfinished job has a kind and a payload; a scheduled check needs no payload.
    package static let unfinishedIsComplete = StoreLaw(.jobs, "Unfinished, but without a kind or payload")
    /// An ended job keeps nothing of its payload.
    package static let finishedIsBlank = StoreLaw(.jobs, "Ended, but their content was not erased")
    /// A job has a terminal event if and only if it has ended.
    package static let finishedHasEvent = StoreLaw(.jobs, "Ended without a terminal event, or with a terminal event but not ended")
    /// Attempts and interruptions are counted from zero.
    package static let countsArePossible = StoreLaw(.jobs, "With a negative number of attempts, interruptions or calls")
    /// A scheduled check has a scheduled kind, no payload and no publisher, and its row is removed when it ends.
    package static let checkIsNobodys = StoreLaw(
        .jobs,
        "Scheduled checks that look like requested jobs, or that ended and were not removed"
    )
}

// MARK: - Connections and what follows from them

extension StoreLaw {
    /// Credentials have their key.
    package static let credentialsHaveKey = StoreLaw(.credentials, "Credentials without their key", remedy: .connect)
    /// A key has its credentials.
    package static let keyHasCredentials = StoreLaw(.credentials, "A key without credentials", remedy: .reset)
    /// Without a connection, a lane has nothing that a reset would erase.
    package static let nothingOutlivesConnection = StoreLaw(
        .integrations,
        "Not connected, but with data that a reset should have erased",
        remedy: .reset
    )
    /// A lane has times for scheduled checks if and only if it has a connection.
    package static let checksFollowConnection = StoreLaw(
        .integrations,
        "Connected without scheduled checks, or with scheduled checks but not connected"
    )
    /// A Synced service is bound to one in Autotask.
    package static let syncedHasService = StoreLaw(.integrations, "Synced, but without a service in Autotask")
}

// MARK: - Writes to Autotask, events, the whole

extension StoreLaw {
    /// A settled write has no entry.
    package static let settledIsForgotten = StoreLaw(.writes, "Settled, but still in the journal")
    /// A write that Autotask confirmed names the service.
    package static let confirmedHasService = StoreLaw(.writes, "Confirmed, but without a service in Autotask")
    /// An unpublished event belongs to a registered worker: otherwise no worker publishes it or takes it over.
    package static let eventHasPublisher = StoreLaw(.events, "Events of an unknown worker, so that no worker publishes them")
    /// An event belongs to a lane.
    package static let eventHasLane = StoreLaw(.events, "Events of no integration")
    /// Every row that refers to a lane refers to an existing one.
    package static let everythingHasLane = StoreLaw(.contents, "Belonging to no integration", remedy: .restore)
    /// No number of the whole store exceeds its counter.
    package static let countersAreAhead = StoreLaw(.contents, "Numbers that would be assigned again", remedy: .restore)
    /// Every status, kind, state, type and code is a word that this program knows.
    package static let wordsAreKnown = StoreLaw(.contents, "A word that this program does not know", remedy: .restore)

    package static let all: [StoreLaw] = [
        heldWhileRunning, holderIsKnown, runningIsUnfinished, workIsScheduled, heldIsNotOffered, freeOccupiesNothing, databaseIsShared,
        databaseIsConnected, backlogIsCounted, sequenceIsAhead, sequenceIsUnique, jobHasLane, unfinishedIsComplete, finishedIsBlank,
        finishedHasEvent, countsArePossible, checkIsNobodys, credentialsHaveKey, keyHasCredentials, nothingOutlivesConnection,
        checksFollowConnection, syncedHasService, settledIsForgotten, confirmedHasService, eventHasPublisher, eventHasLane,
        everythingHasLane, countersAreAhead, wordsAreKnown,
    ]
}
