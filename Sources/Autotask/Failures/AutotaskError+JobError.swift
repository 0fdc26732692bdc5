package import Contract
import HTTP

extension AutotaskError {
    /// The error as events carry it (`Error-codes`). The caller adds when it tries again, and whether the credentials had worked before.
    package var jobError: JobError {
        let remote = status.map { JobError.Remote(status: $0, message: remoteMessage) }
        if isOutcomeUnknown { return JobError(.outcomeUnknown, remote: remote) }
        return switch kind {
        case .unauthorized: JobError(.credentialsInvalid, remote: remote)
        case .locked: JobError(.apiUserLockedOrInactive, remote: remote)
        case .trackingIDRejected: JobError(.trackingIDRejected, remote: remote)
        case .zoneNotFound: JobError(.zoneNotFound, remote: remote)
        case .accessDenied: JobError(.accessDenied, remote: remote)
        case .permissionDenied(let verb, let object):
            JobError(
                .permissionDenied,
                "The API user may not \(verb) \(object). Use security level API User (system) or add the permission.",
                remote: remote
            )
        case .duplicateName: JobError(.serviceNameConflict, remote: remote)
        case .billingCodeRejected:
            JobError(.billingCodeNotFound, "Select an active recurring-service billing code for this service.", remote: remote)
        case .rejected: JobError(.remoteRejected, remoteMessage.map { "Autotask rejected the change: \($0)" }, remote: remote)
        case .unrecognized: refusal
        case .intercepted:
            JobError(
                .autotaskUnavailable,
                "A proxy, firewall or gateway in front of Autotask answered (HTTP \(status ?? 0)).",
                hint: "If this persists, check what is between worker and Autotask (AUTOTASK_PROXY), and Autotask's address restrictions.",
                remote: remote
            )
        case .rateLimited: JobError(.rateLimited, remote: remote)
        case .unavailable, .malformedResponse, .notServedHere: JobError(.autotaskUnavailable, remote: remote)
        case .heldBack(.outage): JobError(.autotaskUnavailable)
        case .heldBack(.limits): JobError(.rateLimited)
        case .heldBack(.quota):
            JobError(
                .rateLimited,
                "Much of your Autotask database's hourly quota is used; the rest is reserved for your other integrations."
            )
        case .timedOut, .outOfTime: JobError(.timeout, remote: remote)
        case .network(.addressNotPublic):
            JobError(
                .network,
                "The host of the Autotask zone resolves to an address that is not public.",
                hint: "Check the worker's name resolution. If the zone's address is intended, add its host to AUTOTASK_ALLOWED_HOSTS.",
                isRetryable: false
            )
        case .network(.certificateRejected):
            JobError(
                .network,
                "The certificate of Autotask's host is not accepted.",
                hint:
                    "Check the worker's clock, its certificate authorities (AUTOTASK_CA_FILE), and whether a proxy intercepts TLS.",
                isRetryable: false
            )
        case .network, .cancelled: JobError(.network, remote: remote)
        case .notAllowed:
            JobError(
                .internal,
                hint:
                    "The worker may not call this Autotask zone. Check AUTOTASK_URL, and AUTOTASK_ALLOWED_HOSTS for a zone outside autotask.net."
            )
        }
    }
}

extension AutotaskError: CustomStringConvertible {
    /// A text that is safe to log: only ``remoteMessage`` quotes Autotask.
    package var description: String {
        "\(jobError.code.rawValue): \(message)" + (status.map { " (HTTP \($0))" } ?? "")
    }
}
