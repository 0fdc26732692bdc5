/// What holds of every store between two transactions (`Rules`, "States"). No worker leaves a store behind that breaks one of these, not even
/// when it is killed.
///
/// The table is the same for every store. Each brings the queries for the rows that break a law.
package struct StoreLaw: Hashable, Sendable {
    /// What it is about, as `doctor` calls its checks.
    package enum Topic: String, CaseIterable, Sendable {
        case jobs
        case integrations
        case credentials
        case writes
        case events
        case contents
    }

    /// What helps besides a report.
    package enum Remedy: Sendable {
        case none
        /// A backup that is restored: all events after it belong to a new epoch.
        case newEpoch
        /// The tenants connect again.
        case connect
        /// A reset of the integration.
        case reset
        /// A backup: something else has written to the store, or its disk has failed.
        case restore
    }

    package let topic: Topic
    /// How it is broken, to be followed by where.
    package let breach: String
    package let remedy: Remedy
    /// Whether it takes sorting everything that is remembered.
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
    /// A lane is held by a worker if and only if a job of it runs.
    package static let heldWhileRunning = StoreLaw(
        .integrations,
        "Held by a worker without a job that runs, or running without a worker"
    )
    /// The worker that holds a lane is among the workers: others never take over from an unknown one.
    package static let holderIsKnown = StoreLaw(
        .integrations,
        "Held by a worker that the store does not know, so that nobody takes over"
    )
    /// The job that runs is one of the lane's unfinished.
    package static let runningIsUnfinished = StoreLaw(.integrations, "Running a job that is none of its unfinished")
    /// A free lane with unfinished jobs is in line, or has a time at which it will be.
    package static let workIsScheduled = StoreLaw(.integrations, "With unfinished jobs, and never in line for a worker")
    /// A lane that is held is not offered to others.
    package static let heldIsNotOffered = StoreLaw(.integrations, "Held by a worker, and in line for another")
    /// Only a lane that is held has a place at an Autotask database.
    package static let freeOccupiesNothing = StoreLaw(.integrations, "Held by nobody, and occupying a place at an Autotask database")
    /// There are no more lanes at one Autotask database than may be.
    package static let databaseIsShared = StoreLaw(.integrations, "More integrations at once than an Autotask database is good for")
    /// The lane and its connection agree on the Autotask database.
    package static let databaseIsConnected = StoreLaw(.integrations, "Counted at another Autotask database than it is connected to")
    /// The lane's count of unfinished jobs is correct.
    package static let backlogIsCounted = StoreLaw(.integrations, "With another number of unfinished jobs than is counted")
    /// The lane's epoch and its next sequence are ahead of every event's.
    package static let sequenceIsAhead = StoreLaw(
        .events,
        "Events beyond the epoch and sequence that are given out next",
        remedy: .newEpoch
    )
    /// Two events of an epoch have two sequences.
    package static let sequenceIsUnique = StoreLaw(.events, "Two events with one sequence", remedy: .newEpoch, isCostly: true)
}

// MARK: - Jobs

extension StoreLaw {
    /// A job belongs to a lane of its tenant.
    package static let jobHasLane = StoreLaw(.jobs, "In no integration, or in another tenant's", remedy: .restore)
    /// An unfinished job has its kind and its payload; a check of the worker's own needs none.
    package static let unfinishedIsComplete = StoreLaw(.jobs, "Unfinished, without what is to be done")
    /// A job that ended has nothing left of its payload.
    package static let finishedIsBlank = StoreLaw(.jobs, "Ended, and their content was not erased")
    /// A job that ended has its terminal event, and only such a one.
    package static let finishedHasEvent = StoreLaw(.jobs, "Ended without a terminal event, or with one before they ended")
    /// Attempts and interruptions are counted from zero.
    package static let countsArePossible = StoreLaw(.jobs, "With a negative number of attempts, interruptions or calls")
    /// A check of the worker's own is of a kind that there is, is nobody's, and is not there any more once it has ended.
    package static let checkIsNobodys = StoreLaw(
        .jobs,
        "Checks of the worker's own that look like somebody's job, or that ended and are still there"
    )
}

// MARK: - Connections and what follows from them

extension StoreLaw {
    /// Credentials have their key.
    package static let credentialsHaveKey = StoreLaw(.credentials, "Credentials without their key", remedy: .connect)
    /// A key has its credentials.
    package static let keyHasCredentials = StoreLaw(.credentials, "A key without credentials", remedy: .reset)
    /// Without a connection there is nothing that a reset would have to erase.
    package static let nothingOutlivesConnection = StoreLaw(
        .integrations,
        "Not connected, and with something left that a reset should have erased",
        remedy: .reset
    )
    /// A lane has moments for the worker's own checks as long as it has a connection.
    package static let checksFollowConnection = StoreLaw(
        .integrations,
        "Connected and not looked at by itself, or looked at without a connection"
    )
    /// A service that is Synced stands for one in Autotask.
    package static let syncedHasService = StoreLaw(.integrations, "Synced, without a service in Autotask")
}

// MARK: - Writes to Autotask, events, the whole

extension StoreLaw {
    /// A write that is settled has no entry.
    package static let settledIsForgotten = StoreLaw(.writes, "Settled, and still in the journal")
    /// A write that Autotask confirmed names the service.
    package static let confirmedHasService = StoreLaw(.writes, "Confirmed, without a service in Autotask")
    /// An event that waits to be published belongs to one of the workers: nobody else publishes it, or takes it over.
    package static let eventHasPublisher = StoreLaw(.events, "Events of a worker that the store does not know, which nobody publishes")
    /// An event belongs to a lane.
    package static let eventHasLane = StoreLaw(.events, "Events of no integration")
    /// Whatever belongs to a lane belongs to one that exists.
    package static let everythingHasLane = StoreLaw(.contents, "Belonging to no integration", remedy: .restore)
    /// What rises over the whole store has not risen beyond its counter.
    package static let countersAreAhead = StoreLaw(.contents, "Numbers that would be given out once more", remedy: .restore)
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
