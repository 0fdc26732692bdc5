import Autotask
import Contract
import Store
import Synchronization

/// The worker's ``CircuitBreaker``s: one for each zone's host, each tenant's database and its credentials. A failure of one does not affect
/// the others; a database that is known to fail says nothing about its zone. They exist only in memory, because another worker learns the
/// same with a few calls.
final class CircuitBreakers: Sendable {
    enum Target: Hashable, Sendable {
        /// The host that serves many tenants' databases.
        case zone(host: String)
        case database(Int64)
        /// Credentials, by their digest. An unexplained 401 may be Autotask's fault, but each one may lock the API user.
        case credentials([UInt8])
    }

    /// A breaker that opened, or that closed again.
    struct Change: Sendable {
        let target: Target
        let isClosed: Bool
        let isLimiting: Bool
    }

    private let pause: @Sendable () -> Duration
    private let credentialsPause: Duration
    private let breakers = Mutex<[Target: CircuitBreaker]>([:])
    private let barriers: CallBarriers

    /// - Parameters:
    ///   - pause: the first pause of a zone or a database. It is read for each breaker, because it may change.
    ///   - credentialsPause: the first pause of credentials after three consecutive unexplained refusals; later ones are up to twelve times
    ///     as long. Jitter shortens a pause to no less than half.
    ///   - barriers: gets what breakers hold back.
    init(
        pause: @autoclosure @escaping @Sendable () -> Duration,
        credentialsPause: Duration = .seconds(300),
        barriers: CallBarriers = CallBarriers()
    ) {
        self.pause = pause
        self.credentialsPause = credentialsPause
        self.barriers = barriers
    }

    enum Admission {
        case go([(Target, CircuitBreaker.Ticket)])
        case wait(until: Timestamp, isLimiting: Bool)
    }

    /// Decides whether a call that involves all of the targets may be made now.
    func admit(_ targets: [Target], at now: Timestamp, fraction: () -> Double) -> Admission {
        breakers.withLock { breakers in
            var tickets: [(Target, CircuitBreaker.Ticket)] = []
            for target in targets {
                switch breakers[target, default: CircuitBreaker(policy(of: target), at: now)].admit(at: now, fraction: fraction) {
                case .go(let ticket):
                    tickets.append((target, ticket))
                case .wait(let moment):
                    // Targets that admitted the call must not wait for its result.
                    for (target, ticket) in tickets { breakers[target]?.ended(ticket, .inconclusive, at: now, fraction: fraction) }
                    return .wait(until: moment, isLimiting: breakers[target]?.isLimiting ?? false)
                }
            }
            return .go(tickets)
        }
    }

    /// Records how a call ended; `nil` means success.
    ///
    /// - Returns: the breakers that opened or closed.
    @discardableResult
    func ended(
        _ tickets: [(Target, CircuitBreaker.Ticket)],
        _ failure: AutotaskError?,
        at now: Timestamp,
        fraction: () -> Double
    ) -> [Change] {
        breakers.withLock { breakers in
            var changes: [Change] = []
            // Otherwise the failing probes of one tenant's database could block its whole zone.
            let isKnownToFail = tickets.contains { target, _ in
                if case .database = target { breakers[target].map { !$0.isClosed } ?? false } else { false }
            }
            for (target, ticket) in tickets {
                var result = failure.map { CircuitBreaker.Result($0, of: target, at: now) } ?? .works
                if isKnownToFail, case .zone = target, case .fails = result { result = .inconclusive }
                guard var breaker = breakers[target] else { continue }
                let wasClosed = breaker.isClosed
                breaker.ended(ticket, result, at: now, fraction: fraction)
                if !wasClosed || !breaker.isClosed { note(breaker, of: target, at: now) }
                if wasClosed != breaker.isClosed {
                    changes.append(Change(target: target, isClosed: breaker.isClosed, isLimiting: breaker.isLimiting))
                }
                breakers[target] = breaker.isAtRest ? nil : breaker
            }
            return changes
        }
    }

    /// The breakers that hold calls back.
    var active: [(target: Target, phase: BreakerPhase)] {
        breakers.withLock { $0.compactMap { target, breaker in breaker.activePhase.map { (target, $0) } } }
    }

    /// Holds back calls for which Autotask asked a worker to wait, perhaps one that is gone.
    func honour(_ known: [CallBarrier], at now: Timestamp) {
        for barrier in known where barrier.cause == .limit {
            guard case .database(let id) = barrier.part, let end = barrier.until, end > now else { continue }
            let until = breakers.withLock { breakers in
                let until = max(end, breakers[.database(id)]?.openUntil ?? end)
                var breaker = CircuitBreaker(policy(of: .database(id)), at: now)
                breaker.honour(limitUntil: until)
                breakers[.database(id)] = breaker
                return until
            }
            barriers.stand(barrier.part, .limit, until: until, at: barrier.since)
        }
    }

    /// Notes whether a breaker holds all calls back. An unfinished probe changes nothing.
    private func note(_ breaker: CircuitBreaker, of target: Target, at now: Timestamp) {
        if let end = breaker.openUntil {
            guard end > now else { return }
            barriers.fall(target.part, breaker.isLimiting ? .outage : .limit)
            barriers.stand(target.part, breaker.isLimiting ? .limit : .outage, until: end, at: now)
        } else if breaker.activePhase != .probing {
            barriers.fall(target.part, .outage, .limit)
        }
    }

    private func policy(of target: Target) -> CircuitBreaker.Policy {
        let (threshold, pause) =
            switch target {
            case .zone: (5, pause())
            case .database: (3, pause())
            case .credentials: (3, credentialsPause)
            }
        return CircuitBreaker.Policy(threshold: threshold, pause: pause, maximumPause: pause * 12)
    }
}

extension CircuitBreaker.Result {
    /// What a failure says about a part of Autotask. A part that refuses a request works.
    fileprivate init(_ failure: AutotaskError, of target: CircuitBreakers.Target, at now: Timestamp) {
        switch (failure.kind, target) {
        case (.unauthorized, .credentials), (.locked, .credentials):
            // The lane remembers them as refused.
            self = .inconclusive
        case (_, .credentials):
            self = failure.status == 401 ? .fails : .inconclusive
        case (.cancelled, _), (.outOfTime, _), (.intercepted, _), (.notAllowed, _), (.heldBack, _):
            self = .inconclusive
        case (.network, _), (.timedOut, _):
            self = .fails
        case (.rateLimited, .database):
            self = .limits(until: now + (failure.retryAfter ?? .zero))
        case (.unavailable, .database), (.malformedResponse, .database):
            // If Autotask names what failed, only this one request is affected.
            self = failure.remoteMessage == nil ? .fails : .inconclusive
        case (.unavailable, .zone):
            // The answer came from a gateway in front of the databases.
            self = AutotaskError.isOfGateway(failure.status) ? .fails : .works
        default:
            self = .works
        }
    }
}
