import Metrics
import Store
import Telemetry

/// The operations of the store that are timed. One that no caller waits for, such as pruning, is not among them.
enum StoreOperation: String, MetricLabel {
    case accept
    case claim
    case complete
    case journal
    case renew
    /// Forgetting confirmed events.
    case publish
    /// Entering scheduled checks.
    case check

    static var metricLabel: String { "db_operation_name" }
}

/// Whether the write-ahead log could be emptied: a reader may prevent it.
enum LogTruncation: String, MetricLabel {
    case done
    case blocked

    static var metricLabel: String { "result" }
}

extension StoreError.Code: MetricLabel {
    package static var metricLabel: String { "code" }
}

/// What the store records about its work.
final class StoreMeters: Sendable {
    private let operations: Metered<StoreOperation, Timer>
    private let commitTime: Timer
    private let groupWrites: Recorder
    private let errors: Metered<StoreError.Code, Counter>
    private let truncations: Metered<LogTruncation, Counter>
    private let refusals: Counter
    private let brokenLogs: Counter

    init(_ factory: any MetricsFactory) {
        operations = Metered(.storeOperationTime, [("db_system_name", "sqlite")], to: factory)
        commitTime = Timer(.commitTime, to: factory)
        groupWrites = Recorder(.groupWrites, to: factory)
        errors = Metered(.storeErrors, to: factory)
        truncations = Metered(.logTruncations, to: factory)
        refusals = Counter(.fenced, to: factory)
        brokenLogs = Counter(.auditBroken, to: factory)
    }

    func ended(_ operation: StoreOperation, within time: Duration) { operations[operation].record(time) }

    func committed(_ writes: Int, within time: Duration) {
        commitTime.record(time)
        groupWrites.record(writes)
    }

    func foundBroken(_ logs: Int) { if logs > 0 { brokenLogs.increment(by: logs) } }

    func failed(_ code: StoreError.Code) { errors[code].increment() }

    func emptiedLog(_ isDone: Bool) { truncations[isDone ? .done : .blocked].increment() }

    func fenced() { refusals.increment() }
}
