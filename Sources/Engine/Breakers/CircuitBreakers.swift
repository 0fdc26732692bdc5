import Autotask
import Contract
import Synchronization

/// The worker's ``CircuitBreaker``s: one for each zone's host, one for each tenant's database and one for its credentials, so that a failure
/// of one has no effect on the others: a database that is known to fail says nothing about its zone. They are in memory alone: another worker
/// learns the same with a few calls.
final class CircuitBreakers: Sendable {
    enum Target: Hashable, Sendable {
        /// Who serves many tenants' databases.
        case zone(host: String)
        case database(Int64)
        /// By their digest. A 401 that nothing known explains may be Autotask's, and each one may lock the API user.
        case credentials([UInt8])
    }

    private let policies: (zone: CircuitBreaker.Policy, database: CircuitBreaker.Policy, credentials: CircuitBreaker.Policy)
    private let breakers = Mutex<[Target: CircuitBreaker]>([:])

    /// - Parameters:
    ///   - pause: how long calls are kept from what fails, the first time.
    ///   - credentialsPause: how long credentials are not sent again that met three unknown refusals in a row, the first time; up to twelve times
    ///     that later. Half of it, by chance, is the least.
    init(pause: Duration, credentialsPause: Duration = .seconds(300)) {
        policies = (
            zone: CircuitBreaker.Policy(threshold: 5, pause: pause, maximumPause: pause * 12),
            database: CircuitBreaker.Policy(threshold: 3, pause: pause, maximumPause: pause * 12),
            credentials: CircuitBreaker.Policy(threshold: 3, pause: credentialsPause, maximumPause: credentialsPause * 12)
        )
    }

    enum Admission {
        case go([(Target, CircuitBreaker.Ticket)])
        case wait(until: Timestamp, isLimiting: Bool)
    }

    /// A call wants to be made that concerns all of the targets.
    func admit(_ targets: [Target], at now: Timestamp, fraction: Double) -> Admission {
        breakers.withLock { breakers in
            var tickets: [(Target, CircuitBreaker.Ticket)] = []
            for target in targets {
                switch breakers[target, default: CircuitBreaker(policy(of: target), at: now)].admit(at: now, fraction: fraction) {
                case .go(let ticket):
                    tickets.append((target, ticket))
                case .wait(let moment):
                    // What let it in must not count on it.
                    for (target, ticket) in tickets { breakers[target]?.ended(ticket, .tellsNothing, at: now, fraction: fraction) }
                    return .wait(until: moment, isLimiting: breakers[target]?.isLimiting ?? false)
                }
            }
            return .go(tickets)
        }
    }

    /// A call has ended; `nil`: it was answered, and the answer accepted.
    func ended(_ tickets: [(Target, CircuitBreaker.Ticket)], _ failure: AutotaskError?, at now: Timestamp, fraction: Double) {
        breakers.withLock { breakers in
            // Otherwise one tenant's database could keep its whole zone closed, by failing at each attempt to try it again.
            let isKnownToFail = tickets.contains { target, _ in
                if case .database = target { breakers[target].map { !$0.isClosed } ?? false } else { false }
            }
            for (target, ticket) in tickets {
                var result = failure.map { CircuitBreaker.Result($0, of: target, at: now) } ?? .works
                if isKnownToFail, case .zone = target, case .fails = result { result = .tellsNothing }
                guard var breaker = breakers[target] else { continue }
                breaker.ended(ticket, result, at: now, fraction: fraction)
                breakers[target] = breaker.isAtRest ? nil : breaker
            }
        }
    }

    private func policy(of target: Target) -> CircuitBreaker.Policy {
        switch target {
        case .zone: policies.zone
        case .database: policies.database
        case .credentials: policies.credentials
        }
    }
}

extension CircuitBreaker.Result {
    /// What a failure says about a part of Autotask: whoever refuses a request, works.
    fileprivate init(_ failure: AutotaskError, of target: CircuitBreakers.Target, at now: Timestamp) {
        switch (failure.kind, target) {
        case (.unauthorized, .credentials), (.locked, .credentials):
            // They are remembered as refused.
            self = .tellsNothing
        case (_, .credentials):
            self = failure.status == 401 ? .fails : .tellsNothing
        case (.cancelled, _), (.outOfTime, _), (.intercepted, _), (.notAllowed, _), (.heldBack, _):
            self = .tellsNothing
        case (.network, _), (.timedOut, _):
            self = .fails
        case (.rateLimited, .database):
            self = .limits(until: now + (failure.retryAfter ?? .zero))
        case (.unavailable, .database), (.malformedResponse, .database):
            // Where Autotask says what it failed at, it is busy with this one request.
            self = failure.remoteMessage == nil ? .fails : .tellsNothing
        case (.unavailable, .zone):
            // From something in front of the databases.
            self = AutotaskError.isOfGateway(failure.status) ? .fails : .works
        default:
            self = .works
        }
    }
}
