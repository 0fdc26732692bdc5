import Contract
import Logging
import Synchronization
import Telemetry

/// Reports lanes that are full: one line a minute for each, with the number of jobs that were refused.
final class FullLanes: Sendable {
    private static let interval: Duration = .seconds(60)

    private struct Report {
        var at: Timestamp
        var refused = 0
    }

    private let reports = Mutex<[Lane: Report]>([:])

    /// - Parameter refused: how many jobs of a lane were refused just now.
    func note(_ refused: [Lane: Int], at now: Timestamp, log: Logger) {
        guard !refused.isEmpty else { return }
        let lines = reports.withLock { reports in
            // Forgets a lane that was not full for a while.
            reports = reports.filter { now - $0.value.at < FullLanes.interval || refused[$0.key] != nil }
            return refused.compactMap { lane, count -> (Lane, Int)? in
                guard var report = reports[lane] else {
                    reports[lane] = Report(at: now)
                    return (lane, count)
                }
                report.refused += count
                guard now - report.at >= FullLanes.interval else {
                    reports[lane] = report
                    return nil
                }
                reports[lane] = Report(at: now)
                return (lane, report.refused)
            }
        }
        for (lane, count) in lines {
            log.warning(
                "A lane is full: its jobs are refused",
                metadata: .keys([.tenant: "\(lane.tenant)", .product: "\(lane.product.rawValue)", .count: "\(count)"])
            )
        }
    }
}
