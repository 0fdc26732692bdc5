package import Contract

/// Why a worker holds back calls to a part of Autotask. The deciding circuit breakers and quotas exist only in its memory: it stores the
/// barrier when it begins or ends, so that commands in other processes can name it.
package struct CallBarrier: Hashable, Sendable {
    /// A part of Autotask.
    package enum Part: Hashable, Sendable {
        /// The host, with the port if its URL has one.
        case zone(host: String)
        case database(Int64)
        /// The digest of credentials.
        case credentials([UInt8])
    }

    /// The name of its zone as pauses and listings have it, such as `webservices14`; `nil` unless its part is a zone.
    package var zone: String? {
        guard case .zone(let host) = part else { return nil }
        return PausePlace.zone(ofHost: PausePlace.host(of: host))
    }

    package enum Cause: String, Hashable, Sendable, CaseIterable {
        /// Consecutive calls failed: the circuit breaker is open.
        case outage
        /// Autotask asked to wait.
        case limit
        /// The integrations of a database have used a part of its hourly quota (``CallBarrier/percent``).
        case usage
        /// The worker has used its own share of a database's hourly quota.
        case share
    }

    package var part: Part
    package var cause: Cause
    package var since: Timestamp
    /// When calls are admitted again: of an outage one call, as a probe. `nil` for a usage, which falls when others make fewer calls.
    package var until: Timestamp?
    /// Of a usage: the percentage of the quota from which calls of some priorities wait.
    package var percent: Int?

    package init(_ part: Part, _ cause: Cause, since: Timestamp, until: Timestamp? = nil, percent: Int? = nil) {
        self.part = part
        self.cause = cause
        self.since = since
        self.until = until
        self.percent = percent
    }

    /// How many barriers of a worker are stored. More of them are left out: zones come first, as an outage is then that of a zone, and then
    /// limits, which a later worker has to know.
    package static let limit = 256

    /// How long an outage is believed after its time without a probe: a job that waits for it is tried again within ten minutes.
    package static let outageMemory: Duration = .seconds(600)

    /// Whether it still holds calls back. A limit that begins later comes from a clock that was ahead, and its end is not known.
    ///
    /// - Parameter isWorkerThere: whether the lease of its worker lasts. What Autotask asked for outlives the worker.
    package func isInForce(at now: Timestamp, isWorkerThere: Bool) -> Bool {
        switch cause {
        case .outage: isWorkerThere && until.map { $0 + CallBarrier.outageMemory > now } ?? false
        case .usage: isWorkerThere
        case .limit: since <= now + Clocks.tolerance && until.map { $0 > now } ?? false
        case .share: isWorkerThere && until.map { $0 > now } ?? false
        }
    }
}

/// The text in the store: `zone:webservices14.autotask.net`, `database:123456`, or `credentials:` with a digest in hexadecimal digits.
extension CallBarrier.Part: LosslessStringConvertible {
    package var description: String {
        switch self {
        case .zone(let host): "zone:\(host)"
        case .database(let id): "database:\(id)"
        case .credentials(let digest): "credentials:" + digest.map { "\($0 < 16 ? "0" : "")\(String($0, radix: 16))" }.joined()
        }
    }

    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "zone": self = .zone(host: parts[1])
        case "database":
            guard let id = Int64(parts[1]) else { return nil }
            self = .database(id)
        case "credentials":
            let digits = Array(parts[1])
            let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
            guard bytes.count * 2 == digits.count else { return nil }
            self = .credentials(bytes)
        default: return nil
        }
    }
}

extension [CallBarrier] {
    /// Those to store, the most important ones first.
    package var stored: [CallBarrier] {
        Array(sorted { ($0.rank, $0.since, $0.part.description) < ($1.rank, $1.since, $1.part.description) }.prefix(CallBarrier.limit))
    }
}

extension CallBarrier {
    fileprivate var rank: Int {
        switch part {
        case .zone: 0
        case _ where cause == .limit: 1
        case .database: 2
        case .credentials: 3
        }
    }
}
