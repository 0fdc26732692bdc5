import AMQP
import OTLP
import Operations

/// Checks for settings that expose secrets: passwords in the clear, hosts without certificates, an account that everybody knows.
struct ExposureExamination: Examination {
    let settings: Configuration

    let name = "exposure"

    func checks() async -> [HealthReport.Check] {
        let findings = brokers + management + hosts + collector
        return findings.isEmpty ? [pass("Passwords and jobs leave this machine only over TLS.")] : findings
    }

    private var brokers: [HealthReport.Check] {
        let broker = Broker(settings: settings)
        // The default of PORTAL_AMQP_URL is AMQP_URL, which is reported already.
        var named = [(setting: "AMQP_URL", url: settings.amqpURL)]
        if settings.entry(\.portalAMQPURL).isSet { named.append(("PORTAL_AMQP_URL", settings.portalAMQPURL)) }
        return named.flatMap { setting, url -> [HealthReport.Check] in
            // The settings examination reports a URL that cannot be read.
            guard let configuration = try? broker.configuration(url: url, setting: setting, name: "") else { return [] }
            var checks: [HealthReport.Check] = []
            if !configuration.usesTLS, !configuration.host.isLoopback {
                checks.append(
                    warn(
                        "\(setting) is plain amqp:// to \(configuration.host): others on the network can read password and jobs.",
                        advice: "Use amqps://, with AMQP_CA_FILE for your own certificate authority."
                    )
                )
            }
            if configuration.userName == "guest" {
                checks.append(
                    warn(
                        "\(setting) names the user guest, which may do everything, and whose password everybody knows.",
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
                "MANAGEMENT_URL is plain http:// to \(api.host): others on the network can read its password.",
                advice: "Use https://, or run doctor on the broker's machine."
            )
        ]
    }

    private var hosts: [HealthReport.Check] {
        let hosts = settings.allowedHosts.filter { !$0.host.isLoopback }.sorted()
        guard !hosts.isEmpty else { return [] }
        return [
            warn(
                "AUTOTASK_ALLOWED_HOSTS lets \(hosts.joined(separator: ", ")) serve as Autotask, also over plain HTTP.",
                advice: "Unset it wherever real tenants are served: their secrets go to every host that a zone look-up names."
            )
        ]
    }

    private var collector: [HealthReport.Check] {
        guard let traces = try? TraceSettings(settings, instance: ""), traces.exporter.url.lowercased().hasPrefix("http:"),
            !traces.collector.host.isLoopback
        else { return [] }
        let token = traces.exporter.headers.isEmpty ? "" : " and the headers for it"
        return [
            warn(
                "Traces go to \(traces.collector) over plain http://: others on the network can read tenants, ids\(token).",
                advice: "Use https:// in OTEL_EXPORTER_OTLP_ENDPOINT, or a collector on this machine."
            )
        ]
    }
}

extension String {
    /// The host of `host:port`, `[::1]:port` or `host`.
    fileprivate var host: String {
        if hasPrefix("["), let end = firstIndex(of: "]") { return String(self[index(after: startIndex)..<end]) }
        return split(separator: ":", maxSplits: 1).first.map(String.init) ?? self
    }

    /// Whether a host is this machine, so that nothing crosses a network.
    fileprivate var isLoopback: Bool { self == "localhost" || self == "::1" || (hasPrefix("127.") && !contains { $0.isLetter }) }
}
