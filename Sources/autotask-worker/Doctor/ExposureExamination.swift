import AMQP
import Operations

/// What the settings leave open to others on the way: passwords in the clear, hosts without certificates, an account that everybody knows.
struct ExposureExamination: Examination {
    let settings: Configuration

    let name = "exposure"

    func checks() async -> [HealthReport.Check] {
        let findings = brokers + management + hosts
        return findings.isEmpty ? [pass("Passwords and jobs leave this machine over TLS alone.")] : findings
    }

    private var brokers: [HealthReport.Check] {
        let broker = Broker(settings: settings)
        // What PORTAL_AMQP_URL is by default is told already.
        var named = [(setting: "AMQP_URL", url: settings.amqpURL)]
        if settings.entry(\.portalAMQPURL).isSet { named.append(("PORTAL_AMQP_URL", settings.portalAMQPURL)) }
        return named.flatMap { setting, url -> [HealthReport.Check] in
            // A URL that cannot be read is the settings examination's to tell.
            guard let configuration = try? broker.configuration(url: url, setting: setting, name: "") else { return [] }
            var checks: [HealthReport.Check] = []
            if !configuration.usesTLS, !configuration.host.isLoopback {
                checks.append(
                    warn(
                        "\(setting) is plain amqp:// to \(configuration.host): password and jobs can be read on the way.",
                        advice: "Use amqps://, with AMQP_CA_FILE for a certificate authority of your own."
                    )
                )
            }
            if configuration.userName == "guest" {
                checks.append(
                    warn(
                        "\(setting) names the user guest, who may do everything and whose password everybody knows.",
                        advice: "Use one of the users of deploy/rabbitmq/definitions.json, and delete guest: rabbitmqctl delete_user guest"
                    )
                )
            }
            return checks
        }
    }

    private var management: [HealthReport.Check] {
        guard let api = settings.managementURL.flatMap({ try? ManagementAPI(url: $0) }), api.isPlain, !api.host.isLoopback else {
            return []
        }
        return [
            warn(
                "MANAGEMENT_URL is plain http:// to \(api.host): its password can be read on the way.",
                advice: "Use https://, or run doctor on the broker's machine."
            )
        ]
    }

    private var hosts: [HealthReport.Check] {
        let hosts = settings.allowedHosts.filter { !$0.host.isLoopback }.sorted()
        guard !hosts.isEmpty else { return [] }
        return [
            warn(
                "AUTOTASK_ALLOWED_HOSTS lets \(hosts.joined(separator: ", ")) serve as Autotask, over plain http too.",
                advice: "Unset it wherever real tenants are served: their secrets go to every host that a zone look-up names."
            )
        ]
    }
}

extension String {
    /// Of `host:port`, `[::1]:port` or `host`.
    fileprivate var host: String {
        if hasPrefix("["), let end = firstIndex(of: "]") { return String(self[index(after: startIndex)..<end]) }
        return split(separator: ":", maxSplits: 1).first.map(String.init) ?? self
    }

    /// Whether a host is this machine, so that nothing travels.
    fileprivate var isLoopback: Bool { self == "localhost" || self == "::1" || (hasPrefix("127.") && !contains { $0.isLetter }) }
}
