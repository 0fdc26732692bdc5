import AMQP
import Contract
import Engine
import HTTP
import Metrics
import SQLiteStore
import Store
import Synchronization
import Telemetry
import Vault

/// The gauges of a worker, which are set when a scraper asks for them.
struct WorkerGauges: Sendable {
    let engine: Engine
    let settings: RunningSettings
    let store: SQLiteStore
    let vault: Vault
    let figures: StoreFigureReader
    let transport: CurlTransport
    let publisher: Publisher
    let consumer: Consumer
    let pulses: Pulses
    let gauges: Gauges

    /// The settings that alert rules compare with.
    private func setSettings() {
        let settings = engine.settings
        let values = [
            ("backlog_limit", Double(settings.backlogLimit)), ("concurrent_lanes", Double(settings.concurrentLanes)),
            ("quota_share", Double(settings.quotaShare)), ("settle_seconds", settings.settleTime.inSeconds),
            ("retry_seconds", settings.retry.maximumAge.inSeconds),
        ]
        for (name, value) in values { gauges.set(.setting, ["name": name], value) }
        let reload = self.settings.lastReload
        gauges.set(.reloadSuccessful, reload.isSuccessful ? 1 : 0)
        gauges.set(.reloadSuccess, reload.succeededAt.inSeconds)
        gauges.set(.buildInfo, Version().labels, 1)
    }

    func set() async {
        setSettings()
        setBroker()
        setEngine()
        gauges.set(.activeRequests, transport.load.active)
        gauges.set(.waitingRequests, transport.load.waiting)
        gauges.set(.pendingWrites, store.pendingWrites)
        for loop in Pulse.Loop.allCases { gauges.set(.loopAge, ["loop": loop.rawValue], pulses[loop].age.inSeconds) }
        ProcessFigures().map { $0.set(in: gauges) }
        let figures = await figures.figures(at: SystemTime.now)
        gauges.set(.readable, figures == nil ? 0 : 1)
        if let figures { set(figures, at: SystemTime.now) }
    }

    private func setBroker() {
        let states = [("consumer", consumer.state), ("publisher", publisher.state)]
        for (role, state) in states {
            gauges.set(.brokerConnected, ["role": role], state.isConnected ? 1 : 0)
            gauges.set(.brokerBlocked, ["role": role], state.isBlocked ? 1 : 0)
        }
        let present: IntakeState =
            switch consumer.state {
            case .disconnected: .disconnected
            case .consuming: .consuming
            case .connected, .blocked: engine.figures.isIntakePaused ? .paused : .standby
            }
        for state in IntakeState.allCases { gauges.set(.intakeState, ["state": state.rawValue], state == present ? 1 : 0) }
    }

    private func setEngine() {
        let figures = engine.figures
        gauges.set(.jobsRunning, figures.jobsRunning)
        gauges.set(.laneSlots, figures.laneSlots)
        gauges.set(.leaseRemaining, figures.leaseRemaining.inSeconds)
        gauges.set(.outboxRefused, figures.refusedLanes)
        if let offset = figures.clockOffset { gauges.set(.clockOffset, offset.inSeconds) }
        if let end = vault.portalKeyEnd { gauges.set(.portalKeyEnd, end.inSeconds) }
        for breaker in figures.breakers { gauges.set(.breakers, ["scope": breaker.scope, "phase": breaker.phase], breaker.count) }
        for quota in figures.quotas { gauges.set(.quotaDatabases, ["band": quota.band], quota.count) }
        for zone in figures.zones { gauges.set(.zoneOpen, ["zone": zone.name], zone.isOpen ? 1 : 0) }
    }

    private func set(_ figures: StoreFigures, at now: Timestamp) {
        func age(_ moment: Timestamp?) -> Double { moment.map { max((now - $0).inSeconds, 0) } ?? 0 }
        if let jobs = figures.jobs {
            for (state, count) in [("ready", jobs.ready), ("running", jobs.running), ("retrying", jobs.retrying), ("paused", jobs.paused)] {
                gauges.set(.storedJobs, ["state": state], count)
            }
            gauges.set(.oldestJob, age(jobs.oldest))
        }
        if let lanes = figures.lanes {
            let states = [
                ("idle", lanes.idle), ("in_line", lanes.inLine), ("waiting", lanes.waiting), ("held", lanes.held),
                ("set_aside", lanes.setAside),
            ]
            for (state, count) in states { gauges.set(.storedLanes, ["state": state], count) }
        }
        if let pauses = figures.pauses {
            for scope in PauseScope.names { gauges.set(.pauses, ["scope": scope], pauses[scope] ?? 0) }
        }
        if let connections = figures.connections {
            for status in ConnectionRecord.Status.allCases {
                gauges.set(.storedConnections, ["status": status.rawValue], connections[status.rawValue] ?? 0)
            }
        }
        if let services = figures.services {
            for status in ServiceStatus.allCases {
                gauges.set(.storedServices, ["status": status.metricValue], services[status.rawValue] ?? 0)
            }
        }
        if let letters = figures.deadLetters {
            for (reason, count) in LetterReasons.bounded(letters) { gauges.set(.storedLetters, ["reason": reason], count) }
        }
        if let outbox = figures.outbox {
            gauges.set(.outboxEvents, outbox.count)
            gauges.set(.outboxOldest, age(outbox.oldest))
        }
        if let writes = figures.openWrites {
            gauges.set(.openWrites, writes.count)
            gauges.set(.openWritesOldest, age(writes.oldest))
        }
        if let checks = figures.nextChecks {
            for kind in [JobKind.verify, .drift] { gauges.set(.checksOverdue, ["kind": kind.rawValue], age(checks[kind.rawValue])) }
        }
        if let backup = figures.lastBackup { gauges.set(.lastBackup, backup.inSeconds) }
        gauges.set(.fileBytes, ["file": "db"], figures.fileBytes)
        gauges.set(.fileBytes, ["file": "wal"], figures.logBytes)
        if let free = figures.freeBytes { gauges.set(.diskFree, free) }
    }
}

/// Whether jobs are taken from RabbitMQ.
enum IntakeState: String, CaseIterable {
    case consuming
    /// Connected. Another worker takes the jobs.
    case standby
    /// Enough jobs wait in the store.
    case paused
    case disconnected
}

extension ServiceStatus {
    /// The page's words, as a label has them.
    fileprivate var metricValue: String {
        switch self {
        case .notSynced: "not_synced"
        case .synced: "synced"
        case .error: "error"
        }
    }
}

extension ConnectionState {
    fileprivate var isBlocked: Bool { if case .blocked = self { true } else { false } }
}

extension Timestamp {
    /// Since 1970, as Prometheus counts.
    fileprivate var inSeconds: Double { Double(millisecondsSinceEpoch) / 1000 }
}

extension Duration {
    var inSeconds: Double { self / .seconds(1) }
}

/// The reasons of dead letters that a metric names. RabbitMQ's come from a header of the message, so any other is `other`.
enum LetterReasons {
    private static let known = Set(
        ErrorCode.allCases.map(\.rawValue) + GivenUp.Reason.allCases.map(\.rawValue)
            + ["untrusted", "out_of_scope", "rejected", "expired", "maxlen", "delivery_limit", "unexplained"]
    )
    /// Reasons that had letters: they keep their series, at 0, when the letters are gone.
    private static let seen = Mutex<Set<String>>([])

    static func bounded(_ letters: [String: Int]) -> [String: Int] {
        var counts: [String: Int] = [:]
        for (reason, count) in letters { counts[known.contains(reason) ? reason : "other", default: 0] += count }
        let all = seen.withLock { seen in
            seen.formUnion(counts.keys)
            return seen
        }
        for reason in all where counts[reason] == nil { counts[reason] = 0 }
        return counts
    }
}
