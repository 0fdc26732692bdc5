import Contract
import FoundationEssentials
import Operations

/// A test of one tenant's connection to Autotask by a running worker, which alone may open the tenant's credentials.
struct TenantDiagnosis {
    let tenant: TenantID
    let product: Product?
    /// How long to wait for the worker. The job expires then, so that none is left behind.
    let patience: Duration

    /// Requests the test as a portal does.
    ///
    /// - Returns: the job's terminal event; `nil` if no worker answered in time.
    func event(from portal: PortalConnection) async throws -> JSON? {
        var data: JSONObject = [:]
        if let product { data["product"] = .string(product.rawValue) }
        let request = JobRequest(
            id: try JobID(argument: UUID().uuidString.lowercased()),
            tenant: tenant,
            kind: .diagnose,
            data: data,
            expiresIn: patience,
            time: SystemTime.now
        )
        do { return try await portal.publish(request, awaitingAnswer: patience) } catch let failure as Failure {
            guard failure.status == .no else { throw failure }
            return nil
        }
    }

    /// The check to report when no worker answered.
    var silence: HealthReport.Check {
        .fail(
            "worker",
            "No worker answered within \(patience.inWords).",
            advice:
                "Check that one runs and is ready (autotask-worker doctor), that the user of PORTAL_AMQP_URL is among its TRUSTED_PUBLISHERS, "
                + "and that no other job of this tenant has been running all this time (autotask-worker tenant show)."
        )
    }
}
