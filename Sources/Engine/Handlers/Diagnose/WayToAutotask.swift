import Autotask
import Contract
import HTTP

/// What the calls of a diagnosis show about the way to their hosts: name resolution, and a trusted connection.
struct WayToAutotask {
    private struct Attempt {
        let url: String
        let failure: AutotaskError?

        var host: String { url.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first.map(String.init) ?? url }
        var isPlain: Bool { url.lowercased().hasPrefix("http://") }
    }

    private var attempts: [Attempt] = []

    /// - Parameter failure: how the call failed; `nil` if it succeeded.
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
            return DiagnosisStep(.tls, .passed, "\(hosts) answered without TLS, which AUTOTASK_ALLOWED_HOSTS permits.")
        }
        return DiagnosisStep(.tls, .passed, "\(hosts) answered with a valid certificate.")
    }

    private static let notTried = "Not tested: no call got that far."

    /// The hosts whose names were resolved.
    private var reached: [String] {
        attempts.filter { attempt in
            switch attempt.failure?.kind {
            case .network(.nameNotResolved), .network(.addressNotPublic), .notAllowed, .heldBack, .outOfTime, .cancelled: false
            default: true
            }
        }.map(\.host).unique
    }

    /// The calls that were answered, with a success or a refusal.
    private var answered: [Attempt] { attempts.filter { $0.failure == nil || $0.failure?.status != nil } }
}

extension AutotaskError {
    /// Whether the call got no answer because of the network, which ``WayToAutotask`` reports.
    var isOnTheWay: Bool {
        switch kind {
        case .network, .timedOut: status == nil
        default: false
        }
    }
}

extension JobError {
    /// The lack of a trusted and stable connection; `nil` for a failure of another kind.
    fileprivate init?(noWayTo host: String, because failure: AutotaskError) {
        guard failure.isOnTheWay else { return nil }
        switch failure.kind {
        case .network(.nameNotResolved), .network(.addressNotPublic):
            return nil
        case .network(.tlsFailed), .network(.certificateRejected):
            self.init(
                .network,
                "The certificate of \(host) was not accepted, or the TLS handshake failed. \(failure.detail)",
                hint:
                    "Check the worker's clock, its certificate authorities (AUTOTASK_CA_FILE), and whether something on the way opens TLS."
            )
        case .network(.cannotConnect):
            self.init(
                .network,
                "The worker cannot connect to \(host).",
                hint: "Check that the firewall lets the worker reach \(host), or check AUTOTASK_PROXY."
            )
        case .timedOut:
            self.init(
                .timeout,
                "\(host) did not answer in time.",
                hint: "Try again later. If it fails again, check the firewall and AUTOTASK_PROXY."
            )
        default:
            self.init(
                .network,
                "The connection to \(host) ended before an answer came.",
                hint: "Try again later. If it fails again, check the firewall, proxy or virus scanner on the way."
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
    /// Each element once, in the order of first occurrence.
    fileprivate var unique: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
