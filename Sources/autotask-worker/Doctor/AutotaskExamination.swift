import Autotask
import Contract
import HTTP
import Operations

/// Checks whether the zone look-up can be reached as the worker would reach it, and whether the clocks agree. No credentials are sent.
struct AutotaskExamination: Examination {
    let settings: Configuration

    let name = "autotask"
    /// A larger difference also affects certificates and other programs.
    private static let clockTolerance: Duration = .seconds(30)

    func checks() async -> [HealthReport.Check] {
        let url = settings.autotaskURL + "versioninformation"
        // The settings examination reports a URL that may not be called and an invalid proxy.
        guard let configuration = try? settings.autotaskTransport, let destination = try? configuration.hosts.check(url) else { return [] }
        let response: HTTPResponse
        do {
            let transport = try CurlTransport(configuration: configuration, logger: .ofCommands)
            response = try await transport.send(HTTPRequest(method: .get, url: url, timeout: .seconds(8), maximumResponseBytes: 1 << 16))
            await transport.shutdown()
        } catch {
            return [failure(error, destination.endpoint)]
        }
        return [check(response, destination), clock(response)].compactMap(\.self)
    }

    func failure(_ error: any Error, _ endpoint: String) -> HealthReport.Check {
        let error = error as? HTTPError
        let advice =
            switch error?.code {
            case .tlsFailed, .certificateRejected:
                "Check the machine's clock and its certificate authorities (package ca-certificates, or AUTOTASK_CA_FILE)."
            case .nameNotResolved, .addressNotPublic: "Check AUTOTASK_URL, and the machine's name resolution."
            default: "Check AUTOTASK_URL, and that the firewall lets this machine through to *.autotask.net, port 443."
            }
        return fail(
            "Autotask cannot be reached at \(endpoint): \(error?.message ?? "libcurl cannot be used").",
            advice: advice
        )
    }

    func check(_ response: HTTPResponse, _ destination: HostPolicy.Destination) -> HealthReport.Check {
        guard response.status == 200, let versions = (try? JSON(parsing: response.body))?["apiVersions"]?.array else {
            return fail(
                "\(destination.endpoint) answers \(response.status), but not as Autotask does.",
                advice: "Check AUTOTASK_URL. If it is right, Autotask is out of order: jobs wait for it, and continue automatically."
            )
        }
        guard versions.contains(where: { $0.string?.uppercased() == "V1.0" }) else {
            return warn(
                "\(destination.endpoint) no longer offers V1.0 of the API.",
                advice: "Update autotask-worker."
            )
        }
        let way = destination.isPlain ? "without TLS" : "over TLS"
        return pass("Autotask answers at \(destination.endpoint) \(way) after \(response.elapsed.wholeMilliseconds) ms.")
    }

    func clock(_ response: HTTPResponse, now: Timestamp = SystemTime.now) -> HealthReport.Check? {
        guard let there = response.header("date").flatMap({ Timestamp(httpDate: $0) }) else { return nil }
        let difference = now - there
        guard abs(difference.wholeMilliseconds) > AutotaskExamination.clockTolerance.wholeMilliseconds else {
            return .init("clock", "This machine and Autotask agree on the time.")
        }
        let direction = difference > .zero ? "ahead of" : "behind"
        let size = Duration.milliseconds(abs(difference.wholeMilliseconds)).inWords
        return .warn(
            "clock",
            "This machine's clock is \(size) \(direction) Autotask's.",
            advice: "Synchronize it with a time server (chrony, systemd-timesyncd)."
        )
    }
}
