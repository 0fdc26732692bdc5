import Contract
import HTTP
import Operations

/// What the worker says of itself, where it answers its surroundings.
struct ReadinessExamination: Examination {
    let settings: Configuration

    let name = "readiness"

    func checks() async -> [HealthReport.Check] {
        guard let address = try? settings.operationsListen else { return [] }
        guard address.port != 0 else { return [notMade("OPERATIONS_LISTEN leaves the port to the system.")] }
        let endpoint = "\(address.reachableHost):\(address.port)"
        let response: HTTPResponse
        do {
            let hosts = HostPolicy(additionalHosts: [endpoint])
            let transport = try CurlTransport(configuration: .init(hosts: hosts), logger: .ofCommands)
            response = try await transport.send(
                HTTPRequest(method: .get, url: "http://\(endpoint)/readyz", timeout: .seconds(5), maximumResponseBytes: 1 << 16)
            )
            await transport.shutdown()
        } catch {
            return [failure(error, endpoint)]
        }
        return [check(response, endpoint)] + warnings(response)
    }

    func failure(_ error: any Error, _ endpoint: String) -> HealthReport.Check {
        guard (error as? HTTPError)?.code == .timedOut else {
            return warn(
                "No worker answers at \(endpoint) (OPERATIONS_LISTEN).",
                advice: "Start one: autotask-worker run. If one runs, check its OPERATIONS_LISTEN."
            )
        }
        return fail("The worker at \(endpoint) does not answer in time.", advice: "See its log; start it again.")
    }

    /// Integrations whose events the broker refuses.
    func warnings(_ response: HTTPResponse) -> [HealthReport.Check] {
        let held = (try? JSON(parsing: response.body))?["checks"]?["events"]?.array ?? []
        return held.compactMap { $0["output"]?.string }.map { output in
            .warn(
                "events",
                output,
                advice: output.contains("larger than")
                    ? "Raise the broker's max_message_size above EVENT_LIMIT_BYTES, or lower EVENT_LIMIT_BYTES and start the worker again."
                    : "Give the worker's user the right that RabbitMQ names, or delete the queue that refuses: the events go on within 30 s."
            )
        }
    }

    func check(_ response: HTTPResponse, _ endpoint: String) -> HealthReport.Check {
        guard let report = try? JSON(parsing: response.body), let checks = report["checks"]?.object else {
            return fail(
                "What answers at \(endpoint) is no worker.",
                advice: "Give OPERATIONS_LISTEN an address that nobody else has."
            )
        }
        guard response.status != 200 else { return pass("The worker at \(endpoint) is ready.") }
        let reasons = checks.members.flatMap { part in
            (part.value.array ?? []).filter { $0["status"] == "fail" }.map { "\(part.name): \($0["output"]?.string ?? "fails")" }
        }
        return fail(
            "The worker at \(endpoint) is not ready. \(reasons.joined(separator: " "))",
            advice: "Mend what it names; it goes on by itself."
        )
    }
}

extension ListenAddress {
    /// Where this machine reaches it, as it stands in a URL.
    fileprivate var reachableHost: String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "[::1]"
        default: host.contains(":") ? "[\(host)]" : host
        }
    }
}
