import Autotask
import Contract
import Store
import Telemetry

extension JobKind: MetricLabel {
    package static var metricLabel: String { "kind" }
}

extension EventType: MetricLabel {
    package static var metricLabel: String { "event" }
}

extension ErrorCode: MetricLabel {
    package static var metricLabel: String { "code" }
}

extension ServiceOutcome: MetricLabel {
    package static var metricLabel: String { "outcome" }
}

extension Warning.Code: MetricLabel {
    package static var metricLabel: String { "code" }
}

extension AutotaskOperation: MetricLabel {
    package static var metricLabel: String { "operation" }
}

/// What became of a delivery.
enum IntakeResult: String, MetricLabel {
    case accepted
    /// The job is known: it is under way, or its event is published again.
    case duplicate
    /// The id belongs to a job with another payload.
    case conflict
    /// Answered by `job.rejected`, or ended at once in favour of another job.
    case rejected
    /// Set aside as a dead letter.
    case deadLettered = "dead_lettered"
    /// Marked by the broker as delivered before. Counted in addition to its result.
    case redelivered

    static var metricLabel: String { "result" }
}

/// How an attempt ended.
enum AttemptEnding: String, MetricLabel {
    case finished
    case givenUp = "given_up"
    case deferred
    case postponed
    case interrupted

    static var metricLabel: String { "ending" }

    init(_ ending: Attempt.Ending) {
        switch ending {
        case .finished: self = .finished
        case .givenUp: self = .givenUp
        case .deferred: self = .deferred
        case .postponed: self = .postponed
        case .interrupted: self = .interrupted
        }
    }
}

/// Why an attempt ended early for a reason outside its job.
enum HoldReason: String, MetricLabel {
    /// Autotask does not work.
    case outage
    /// Autotask limits requests.
    case limits
    /// The hourly quota of the tenant's database is used up to the job's share.
    case quota
    /// The key ring lacks a key.
    case keyMissing = "key_missing"
    /// The worker's store failed.
    case store
    /// Other tenants work on the same Autotask database.
    case databaseFull = "database_full"

    static var metricLabel: String { "reason" }

    init(_ reason: AutotaskError.HoldingReason) {
        switch reason {
        case .outage: self = .outage
        case .limits: self = .limits
        case .quota: self = .quota
        }
    }
}

/// Whether an attempt failed.
enum AttemptFailed: String, MetricLabel {
    case yes
    case no

    static var metricLabel: String { "failed" }
}

/// A change of a tenant's connection to Autotask.
enum ConnectionChange: String, MetricLabel {
    case established
    case failed
    case lost
    case recovered
    case reset

    static var metricLabel: String { "change" }

    /// - Returns: `nil` for an event that is no such change.
    init?(_ event: EventType) {
        switch event {
        case .connectionEstablished: self = .established
        case .connectionFailed: self = .failed
        case .connectionLost: self = .lost
        case .connectionRecovered: self = .recovered
        case .integrationReset: self = .reset
        default: return nil
        }
    }
}

/// The answer to a call, by its status.
enum CallResult: String, MetricLabel {
    case success = "2xx"
    /// Refused or redirected.
    case refusal = "4xx"
    case tooManyRequests = "429"
    case serverError = "5xx"
    /// No answer.
    case none

    static var metricLabel: String { "result" }

    init(status: Int) {
        switch status {
        case 429: self = .tooManyRequests
        case 200..<300: self = .success
        case 500...: self = .serverError
        default: self = .refusal
        }
    }
}

/// The part of Autotask that a circuit breaker is about.
enum BreakerScope: String, MetricLabel {
    case zone
    case database
    case credentials

    static var metricLabel: String { "scope" }

    init(_ target: CircuitBreakers.Target) {
        switch target {
        case .zone: self = .zone
        case .database: self = .database
        case .credentials: self = .credentials
        }
    }
}

/// The state of a circuit breaker that holds calls back.
enum BreakerPhase: String, MetricLabel {
    case open
    case probing
    case recovering

    static var metricLabel: String { "phase" }
}

/// The share of a database's hourly quota that is used, in percent: below 50, 75, 90 and 95, where another kind of call waits (``CallPriority``), or more.
enum QuotaBand: String, MetricLabel {
    case below50 = "lt50"
    case below75 = "lt75"
    case below90 = "lt90"
    case below95 = "lt95"
    case full = "ge95"

    static var metricLabel: String { "band" }

    /// The used share from which it applies, in percent.
    var floor: Int {
        switch self {
        case .below50: 0
        case .below75: 50
        case .below90: 75
        case .below95: 90
        case .full: 95
        }
    }

    init(_ usage: DatabaseQuota.Usage) {
        self = QuotaBand.allCases.last { usage.reaches(percent: $0.floor) } ?? .below50
    }
}

/// What was taken over from a worker that was gone.
enum TakenOver: String, MetricLabel {
    case lanes
    case events

    static var metricLabel: String { "what" }
}
