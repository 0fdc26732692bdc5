import Autotask
package import Contract
import HTTP
import Logging
import Secrets
package import Store
import Telemetry

/// The lane's access to Autotask, for the job's handlers.
extension JobContext {
    /// Looks up the zone that serves a user's database; no secret is sent.
    func zone(for credentials: AutotaskCredentials) async throws(AutotaskError) -> DiscoveredZone {
        let gate = AutotaskGate(self, url: autotask.lookupURL, databaseID: nil, credentials: nil)
        var found = try await ZoneDirectory(transport: autotask.transport, lookupURL: autotask.lookupURL, gate: gate)
            .zone(forUserOf: credentials, traceparent: traceparent)
        if (try? autotask.hosts.check(found.zone.webURL)) == nil {
            log(.warning, "The zone's web address is not on an allowed host, and is not shown", .keys([.databaseID: "\(found.databaseID)"]))
            found.zone.webURL = found.zone.apiOrigin
        }
        return found
    }

    /// - Parameters:
    ///   - databaseID: the database that is called.
    ///   - digest: the digest of the credentials.
    func autotaskSession(
        in zone: Zone,
        of databaseID: Int64,
        with credentials: AutotaskCredentials,
        _ digest: [UInt8]
    ) -> AutotaskSession {
        AutotaskSession(
            transport: autotask.transport,
            zone: zone,
            credentials: credentials,
            traceparent: traceparent,
            gate: AutotaskGate(self, url: zone.apiURL, databaseID: databaseID, credentials: digest)
        )
    }

    /// Credentials for a session, with the vendor's tracking identifier if the tenant has none of its own.
    func autotaskCredentials(_ credentials: Credentials) -> AutotaskCredentials {
        AutotaskCredentials(credentials, vendorCode: autotask.integrationCode)
    }

    /// `connection.lost`, published once, by the job that found the connection unusable.
    func connectionLost(_ error: JobError) -> Event {
        stateEvent(.connectionLost, ["causedBy": .string(cause), "error": error.json])
    }

    /// `connection.recovered`, published once, by the job that made an unusable connection usable again.
    ///
    /// - Parameter error: why the connection was lost. It is not the member `error`, which describes a present failure.
    func connectionRecovered(from error: JobError) -> Event {
        stateEvent(.connectionRecovered, ["causedBy": .string(cause), "lostBecause": error.json])
    }

    /// The cause of a state event: the id of a portal's job, or a word for a scheduled check.
    private var cause: String { job.isScheduled ? "scheduled:\(job.kind.rawValue)" : job.id.description }
}

extension JobContext {
    /// `connection.failed`, the end of a connect or a verify without a working connection.
    ///
    /// - Parameter isPreviousActive: whether the lane still has a connection that may be used.
    func connectionFailed(_ error: JobError, isPreviousActive: Bool) -> Event {
        event(
            .connectionFailed,
            [
                "message": .string(Headline.connectionFailed),
                "severity": "error",
                "error": error.json,
                "previousConnectionActive": .bool(isPreviousActive),
            ]
        )
    }
}

extension ConnectionRecord {
    /// Why the connection cannot be used; `nil` if it can.
    package var lossError: JobError? {
        switch status {
        case .connected: nil
        case .credentialsRejected: JobError(.apiUserLockedOrInactive)
        case .databaseMismatch: JobError(.databaseChanged)
        }
    }
}

extension Zone {
    /// The host of the API, which the transport calls only if it is allowed.
    fileprivate var apiOrigin: String {
        let parts = apiURL.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.prefix(3).joined(separator: "/") + "/"
    }
}
