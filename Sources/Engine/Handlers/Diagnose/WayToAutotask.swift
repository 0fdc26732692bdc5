import Autotask
import Contract
import HTTP

/// What calls that were made tell of the way to the hosts that they were made to: name resolution, and a connection that can be trusted.
struct WayToAutotask {
    private struct Attempt {
        let url: String
        let failure: AutotaskError?

        var host: String { url.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first.map(String.init) ?? url }
        var isPlain: Bool { url.lowercased().hasPrefix("http://") }
    }

    private var attempts: [Attempt] = []

    /// - Parameter failure: how the call failed; `nil` if it was answered with what it asked for.
    mutating func note(_ url: String, _ failure: AutotaskError?) { attempts.append(Attempt(url: url, failure: failure)) }

    var steps: [DiagnosisStep] { [nameResolution, connection] }

    private var nameResolution: DiagnosisStep {
        for attempt in attempts {
            switch attempt.failure?.kind {
            case .network(.nameNotResolved):
                return DiagnosisStep(
                    .nameResolution,
                    JobError(
                        .network,
                        "\(attempt.host) has no address.",
                        hint: "Check the worker's name resolution, AUTOTASK_URL and AUTOTASK_PROXY."
                    )
                )
            case .network(.addressNotPublic): return DiagnosisStep(.nameResolution, attempt.failure?.jobError ?? JobError(.network))
            default: break
            }
        }
        guard !reached.isEmpty else { return DiagnosisStep(.nameResolution, .skipped, WayToAutotask.notTried) }
        return DiagnosisStep(
            .nameResolution,
            .passed,
            "\(reached.joined(separator: " and ")) \(reached.count == 1 ? "has" : "have") an address."
        )
    }

    private var connection: DiagnosisStep {
        for attempt in attempts {
            guard let failure = attempt.failure, let error = JobError(noWayTo: attempt.host, because: failure) else { continue }
            return DiagnosisStep(.tls, error)
        }
        guard !answered.isEmpty else { return DiagnosisStep(.tls, .skipped, WayToAutotask.notTried) }
        let hosts = answered.map(\.host).unique.joined(separator: " and ")
        if answered.contains(where: \.isPlain) {
            return DiagnosisStep(.tls, .passed, "\(hosts) answered, called without TLS: AUTOTASK_ALLOWED_HOSTS says so.")
        }
        return DiagnosisStep(.tls, .passed, "\(hosts) answered with a valid certificate.")
    }

    private static let notTried = "No call was made that would show it."

    /// Hosts whose name was found.
    private var reached: [String] {
        attempts.filter { attempt in
            switch attempt.failure?.kind {
            case .network(.nameNotResolved), .network(.addressNotPublic), .notAllowed, .heldBack, .outOfTime, .cancelled: false
            default: true
            }
        }.map(\.host).unique
    }

    /// Calls that were answered, whatever the answer said.
    private var answered: [Attempt] { attempts.filter { $0.failure == nil || $0.failure?.status != nil } }
}

extension AutotaskError {
    /// Whether the call came to no answer for something on the way, which ``WayToAutotask`` tells.
    var isOnTheWay: Bool {
        switch kind {
        case .network, .timedOut: status == nil
        default: false
        }
    }
}

extension JobError {
    /// No connection that can be trusted and that holds; `nil` for a failure of another kind.
    fileprivate init?(noWayTo host: String, because failure: AutotaskError) {
        guard failure.isOnTheWay else { return nil }
        switch failure.kind {
        case .network(.nameNotResolved), .network(.addressNotPublic):
            return nil
        case .network(.tlsFailed), .network(.certificateRejected):
            self.init(
                .network,
                "The certificate of \(host) is not accepted, or no TLS connection comes about. \(failure.detail)",
                hint:
                    "Check the worker's clock, its certificate authorities (AUTOTASK_CA_FILE), and whether something on the way opens TLS."
            )
        case .network(.cannotConnect):
            self.init(
                .network,
                "\(host) cannot be connected to.",
                hint: "Check that the firewall lets the worker through to \(host), or AUTOTASK_PROXY."
            )
        case .timedOut:
            self.init(
                .timeout,
                "\(host) did not answer in time.",
                hint: "Try again later. Otherwise check the firewall and AUTOTASK_PROXY."
            )
        default:
            self.init(
                .network,
                "The connection to \(host) ended before an answer came.",
                hint: "Try again later. Otherwise check what is on the way: firewall, proxy, virus scanner."
            )
        }
    }
}

extension AutotaskError {
    /// What the transport says beyond the kind of failure.
    fileprivate var detail: String {
        message.firstRange(of: ": ").map { String(message[$0.upperBound...]) } ?? message
    }
}

extension [String] {
    /// Each once, in the order of the first of its kind.
    fileprivate var unique: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
