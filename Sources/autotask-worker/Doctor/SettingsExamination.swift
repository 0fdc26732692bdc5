import AMQP
import HTTP
import Operations

/// Checks whether the settings can be used, and shows what they mean.
struct SettingsExamination: Examination {
    let settings: Configuration

    let name = "settings"

    func checks() async -> [HealthReport.Check] {
        let checks = mistakes.map { fail($0.message, advice: $0.hint) }
        return (checks.isEmpty ? [meaning] : checks) + warnings
    }

    private var mistakes: [Failure] {
        var mistakes = settings.mistakes
        let broker = Broker(settings: settings)
        let addresses: [() throws -> Void] = [
            { _ = try broker.configuration(name: "") },
            { _ = try broker.configuration(url: settings.portalAMQPURL, setting: "PORTAL_AMQP_URL", name: "") },
            { _ = try settings.managementURL.map { try ManagementAPI(url: $0) } },
            { try checkAutotaskURL() },
        ]
        for check in addresses {
            do { try check() } catch let failure as Failure {
                // The default of PORTAL_AMQP_URL is AMQP_URL, which is reported already.
                if !mistakes.contains(where: { $0.message == failure.message }), !isAboutDefault(failure) { mistakes.append(failure) }
            } catch {}
        }
        return mistakes
    }

    private func isAboutDefault(_ failure: Failure) -> Bool {
        !settings.entry(\.portalAMQPURL).isSet && failure.message.hasPrefix("PORTAL_AMQP_URL")
    }

    private func checkAutotaskURL() throws(Failure) {
        do throws(HTTPError) { try HostPolicy(additionalHosts: settings.allowedHosts).check(settings.autotaskURL) } catch {
            throw Failure(.usage, "AUTOTASK_URL: \(error.message).", hint: "See AUTOTASK_ALLOWED_HOSTS.")
        }
    }

    /// The parts that the settings name.
    private var meaning: HealthReport.Check {
        let broker = (try? Broker(settings: settings).configuration(name: ""))?.description ?? ""
        let store = (try? settings.storePath) ?? ""
        return pass(
            "Store \(store), key ring \(settings.entry(\.vaultKeys).text ?? ""), broker \(broker), job queues \(settings.jobQueues.joined(separator: ", ")), "
                + "Autotask \(settings.autotaskURL)"
        )
    }

    private var warnings: [HealthReport.Check] {
        var warnings: [HealthReport.Check] = []
        if (try? settings.development) == true {
            warnings.append(
                warn(
                    "DEVELOPMENT=1: clear credentials and any publisher are accepted.",
                    advice: "Unset DEVELOPMENT wherever real tenants are served."
                )
            )
        }
        if settings.autotaskIntegrationCode == nil {
            warnings.append(
                warn(
                    "AUTOTASK_INTEGRATION_CODE is not set: only tenants that bring their own tracking identifier can connect.",
                    advice: "Set it to the vendor's tracking identifier."
                )
            )
        }
        return warnings
    }
}
