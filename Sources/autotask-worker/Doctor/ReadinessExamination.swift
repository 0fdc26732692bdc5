import Contract
import HTTP
import Operations

/// Checks the worker's own readiness report at `OPERATIONS_LISTEN`.
struct ReadinessExamination: Examination {
    let settings: Configuration

    let name = "readiness"

    func checks() async -> [HealthReport.Check] {
        guard let address = try? settings.operationsListen else { return [] }
        guard address.port != 0 else { return [notMade("OPERATIONS_LISTEN leaves the port to the system.")] }
        let probe = OperationsProbe(address: address)
        let endpoint = probe.endpoint
        let response: HTTPResponse
        do { response = try await probe.report("readyz") } catch { return [failure(error, endpoint)] }
        return [check(response, endpoint)] + warnings(response)
    }

    func failure(_ error: any Error, _ endpoint: String) -> HealthReport.Check {
        guard (error as? HTTPError)?.code == .timedOut else {
            return warn(
                "No worker answers at \(endpoint) (OPERATIONS_LISTEN).",
                advice: "Start one: autotask-worker run. If one runs, check its OPERATIONS_LISTEN."
            )
        }
        return fail("The worker at \(endpoint) does not answer in time.", advice: "See its log, and restart it.")
    }

    /// Warnings for integrations whose events the broker refuses.
    func warnings(_ response: HTTPResponse) -> [HealthReport.Check] {
        let held = (try? JSON(parsing: response.body))?["checks"]?["events"]?.array ?? []
        return held.compactMap { $0["output"]?.string }.map { output in
            .warn(
                "events",
                output,
                advice: output.contains("larger than")
                    ? "Raise the broker's max_message_size above EVENT_LIMIT_BYTES, or lower EVENT_LIMIT_BYTES and restart the worker."
                    : "Give the worker's user the right that RabbitMQ names, or delete the queue that refuses. The worker then publishes the events within 30 s."
            )
        }
    }

    func check(_ response: HTTPResponse, _ endpoint: String) -> HealthReport.Check {
        guard let report = try? JSON(parsing: response.body), let checks = report["checks"]?.object else {
            return fail(
                "The server at \(endpoint) is not a worker.",
                advice: "Give OPERATIONS_LISTEN an address that no other program uses."
            )
        }
        guard response.status != 200 else { return pass("The worker at \(endpoint) is ready.") }
        let reasons = checks.members.flatMap { part in
            (part.value.array ?? []).filter { $0["status"] == "fail" }.map { "\(part.name): \($0["output"]?.string ?? "fails")" }
        }
        return fail(
            "The worker at \(endpoint) is not ready. \(reasons.joined(separator: " "))",
            advice: "Fix what it reports. The worker then continues automatically."
        )
    }
}
