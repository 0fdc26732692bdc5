import SQLiteStore

/// What it means for an operator when a law of the store does not hold.
extension StoreLaw {
    /// What the doctor's checks of the store's contents are called.
    enum Topic: String, CaseIterable {
        case jobs
        case integrations
        case credentials
        case writes
        case events
        case contents
    }

    var topic: Topic {
        switch self {
        case .jobHasLane, .unfinishedIsComplete, .finishedIsBlank, .finishedHasEvent, .countsArePossible, .checkIsNobodys: .jobs
        case .heldWhileRunning, .holderIsKnown, .runningIsUnfinished, .workIsScheduled, .heldIsNotOffered, .freeOccupiesNothing,
            .backlogIsCounted, .databaseIsShared, .databaseIsConnected, .nothingOutlivesConnection, .checksFollowConnection,
            .syncedHasService:
            .integrations
        case .credentialsHaveKey, .keyHasCredentials: .credentials
        case .settledIsForgotten, .confirmedHasService: .writes
        case .sequenceIsAhead, .sequenceIsUnique, .eventHasPublisher, .eventHasLane: .events
        case .everythingHasLane, .countersAreAhead, .wordsAreKnown: .contents
        }
    }

    /// How it is broken, to be followed by where.
    var breach: String {
        switch self {
        case .heldWhileRunning: "Held by a worker without a job that runs, or running without a worker"
        case .holderIsKnown: "Held by a worker that the store does not know, so that nobody takes over"
        case .runningIsUnfinished: "Running a job that is none of its unfinished"
        case .workIsScheduled: "With unfinished jobs, and never in line for a worker"
        case .heldIsNotOffered: "Held by a worker, and in line for another"
        case .freeOccupiesNothing: "Held by nobody, and occupying a place at an Autotask database"
        case .backlogIsCounted: "With another number of unfinished jobs than is counted"
        case .databaseIsShared: "More integrations at once than an Autotask database is good for"
        case .databaseIsConnected: "Counted at another Autotask database than it is connected to"
        case .sequenceIsAhead: "Events beyond the epoch and sequence that are given out next"
        case .sequenceIsUnique: "Two events with one sequence"
        case .jobHasLane: "In no integration, or in another tenant's"
        case .unfinishedIsComplete: "Unfinished, without what is to be done"
        case .finishedIsBlank: "Ended, and their content was not erased"
        case .finishedHasEvent: "Ended without a terminal event, or with one before they ended"
        case .countsArePossible: "With a negative number of attempts, interruptions or calls"
        case .checkIsNobodys: "Checks of the worker's own that look like somebody's job, or that ended and are still there"
        case .credentialsHaveKey: "Credentials without their key"
        case .keyHasCredentials: "A key without credentials"
        case .nothingOutlivesConnection: "Not connected, and with something left that a reset should have erased"
        case .checksFollowConnection: "Connected and not looked at by itself, or looked at without a connection"
        case .syncedHasService: "Synced, without a service in Autotask"
        case .settledIsForgotten: "Settled, and still in the journal"
        case .confirmedHasService: "Confirmed, without a service in Autotask"
        case .eventHasPublisher: "Events of a worker that the store does not know, which nobody publishes"
        case .eventHasLane: "Events of no integration"
        case .everythingHasLane: "Belonging to no integration"
        case .countersAreAhead: "Numbers that would be given out once more"
        case .wordsAreKnown: "A word that this program does not know"
        }
    }

    /// What to do about it.
    var advice: String {
        switch self {
        case .sequenceIsAhead, .sequenceIsUnique:
            "Stop the workers, then run store backup and store restore: all events after that belong to a new epoch. \(StoreLaw.report)"
        case .credentialsHaveKey: "The tenants have to connect again. \(StoreLaw.report)"
        case .keyHasCredentials, .nothingOutlivesConnection: "A reset of the integration erases it. \(StoreLaw.report)"
        case .wordsAreKnown, .everythingHasLane, .jobHasLane, .countersAreAhead:
            "Something else has written to the file, or its disk has failed: stop the workers and bring back a copy (store restore). \(StoreLaw.report)"
        default: StoreLaw.report
        }
    }

    private static let report = "No worker leaves this behind: keep a copy (autotask-worker store backup FILE) and report it."
}
