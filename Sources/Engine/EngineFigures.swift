import Contract
import Synchronization

/// The engine's state at one moment, for gauges.
package struct EngineFigures: Sendable {
    package var jobsRunning: Int
    package var laneSlots: Int
    /// The circuit breakers that hold calls back, by what they are about and their phase.
    package var breakers: [(scope: String, phase: String, count: Int)]
    /// The zones that were called, and whether their circuit breaker is open or probes. A quiet zone may recover for long.
    package var zones: [(name: String, isOpen: Bool)]
    /// The databases by the used share of their hourly quota.
    package var quotas: [(band: String, count: Int)]
    /// How long this worker's lease still lasts; negative once it is over.
    package var leaseRemaining: Duration
    /// How far the worker's clock is ahead of Autotask's; `nil` before the first answer.
    package var clockOffset: Duration?
    /// Lanes whose events the broker refuses.
    package var refusedLanes: Int
    /// Whether intake waits until fewer jobs wait in the store.
    package var isIntakePaused: Bool
}

extension Engine {
    package var figures: EngineFigures {
        let active = attempt.breakers.active
        let openHosts = active.compactMap { breaker -> String? in
            guard case .zone(let host) = breaker.target, breaker.phase != .recovering else { return nil }
            return host
        }
        let openZones = Set(openHosts.map(transport.zone(ofHost:)))
        let bands = attempt.quotas.bands(at: context.now)
        let breakers = BreakerScope.allCases.flatMap { scope in
            BreakerPhase.allCases.map { phase in
                (scope.rawValue, phase.rawValue, active.count { BreakerScope($0.target) == scope && $0.phase == phase })
            }
        }
        return EngineFigures(
            jobsRunning: runner.slots.running,
            laneSlots: context.settings.concurrentLanes,
            breakers: breakers,
            zones: transport.zoneNames.map { ($0, openZones.contains($0)) },
            quotas: QuotaBand.allCases.map { band in (band.rawValue, bands.count { $0 == band }) },
            leaseRemaining: context.worker.leaseEnd - context.now,
            clockOffset: transport.clockOffset.median,
            refusedLanes: outboxObstacles.held.count,
            isIntakePaused: context.isIntakePaused.load(ordering: .relaxed)
        )
    }
}
