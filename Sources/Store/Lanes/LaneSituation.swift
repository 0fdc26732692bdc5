package import Contract

/// Why a decision about a lane does not run an unfinished job.
package enum LaneWait: Hashable, Sendable {
    /// The time of its next attempt has not come.
    case until(Timestamp)
    /// The job at this place goes first.
    case behind(Int64)
    /// The job at this place replaces it as soon as it begins. It waits in case that one expires first.
    case replaced(by: Int64)
    /// A pause holds it.
    case paused(Pause)
}

/// Why a claim leaves a lane in line although one of its jobs could run.
package enum ClaimObstacle: Hashable, Sendable {
    /// The job may kill workers, and another such job runs.
    case suspectRuns
    /// As many lanes as may work on the lane's Autotask database do.
    case databaseIsFull
}

/// A lane as a claim would find it, and its surroundings: what an explanation needs that says why its jobs wait.
package struct LaneSituation: Sendable {
    /// The worker that holds the lane.
    package struct Holder: Hashable, Sendable {
        package var worker: WorkerID
        /// `nil` for a worker that has left.
        package var leaseEnd: Timestamp?
        /// The job that runs, and when its attempt began.
        package var job: QueuedJob?
        package var begunAt: Timestamp?

        package init(worker: WorkerID, leaseEnd: Timestamp?, job: QueuedJob?, begunAt: Timestamp?) {
            self.worker = worker
            self.leaseEnd = leaseEnd
            self.job = job
            self.begunAt = begunAt
        }
    }

    /// Where the calls of its jobs go.
    package struct Reach: Hashable, Sendable {
        /// The root of the REST API of its zone.
        package var apiURL: String
        package var database: Int64
        /// The digest of its credentials.
        package var credentials: [UInt8]

        package init(apiURL: String, database: Int64, credentials: [UInt8]) {
            self.apiURL = apiURL
            self.database = database
            self.credentials = credentials
        }
    }

    package var hold: LaneHold
    package var snapshot: LaneSnapshot
    /// Unfinished jobs, without scheduled checks.
    package var backlog: Int
    package var holder: Holder?
    /// How many lanes are in line before this one.
    package var ahead: Int
    /// Other lanes that work on the Autotask database that this one needs.
    package var occupants: [Lane]
    package var isSuspectRunning: Bool
    /// Why the lane is set aside: a row of it cannot be read.
    package var setAside: String?
    /// How many workers' leases last beyond the time of the request.
    package var workers: Int
    /// `nil` without a connection.
    package var reach: Reach?
    /// The barriers in force, of all parts of Autotask and all workers.
    package var barriers: [CallBarrier] = []

    package init(
        hold: LaneHold,
        snapshot: LaneSnapshot,
        backlog: Int,
        holder: Holder?,
        ahead: Int,
        occupants: [Lane],
        isSuspectRunning: Bool,
        setAside: String?,
        workers: Int
    ) {
        self.hold = hold
        self.snapshot = snapshot
        self.backlog = backlog
        self.holder = holder
        self.ahead = ahead
        self.occupants = occupants
        self.isSuspectRunning = isSuspectRunning
        self.setAside = setAside
        self.workers = workers
    }
}
