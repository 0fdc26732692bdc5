/// What went wrong. Portals and monitors match on these codes; `ErrorCode+Catalogue.swift` has their texts and properties.
package enum ErrorCode: String, CaseIterable, Sendable {
    // Credentials and the connection to Autotask.
    case credentialsInvalid = "credentials_invalid"
    case apiUserLockedOrInactive = "api_user_locked_or_inactive"
    case trackingIDRejected = "tracking_id_rejected"
    case zoneNotFound = "zone_not_found"
    case databaseChanged = "database_changed"
    case accessDenied = "access_denied"
    case permissionDenied = "permission_denied"
    case notVisible = "not_visible"

    // A service of the plan.
    case serviceNameConflict = "service_name_conflict"
    case serviceNameDuplicateInPlan = "service_name_duplicate_in_plan"
    case nameInvalid = "name_invalid"
    case priceInvalid = "price_invalid"
    case costInvalid = "cost_invalid"
    case billingCodeMissing = "billing_code_missing"
    case billingCodeNotFound = "billing_code_not_found"
    case billingCodeInactive = "billing_code_inactive"
    case billingCodeWrongType = "billing_code_wrong_type"
    case periodMismatch = "period_mismatch"
    case periodUnsupported = "period_unsupported"
    case adoptionRefused = "adoption_refused"
    case acknowledgementNeeded = "acknowledgement_needed"
    case remoteRejected = "remote_rejected"

    // Transient.
    case rateLimited = "rate_limited"
    case autotaskUnavailable = "autotask_unavailable"
    case timeout
    case network
    case outcomeUnknown = "outcome_unknown"

    // State.
    case superseded
    case laneFull = "lane_full"
    case planStale = "plan_stale"
    case notConnected = "not_connected"
    case integrationNotAvailable = "integration_not_available"
    case planIncomplete = "plan_incomplete"
    case expired

    // The request itself.
    case jobInvalid = "job_invalid"
    case duplicateID = "duplicate_id"
    case notSupported = "not_supported"
    case decryptionFailed = "decryption_failed"
    case keyUnknown = "key_unknown"
    case resetNotConfirmed = "reset_not_confirmed"

    // The worker.
    case held
    case givenUp = "given_up"
    case poison
    case `internal`
}

/// The part of the system where an error comes from.
package enum ErrorCategory: String, Sendable {
    case input, state, autotask, network, worker
}

/// Who can fix the cause of an error.
package enum FixableBy: String, Sendable {
    case mspAdmin, autotaskAdmin, portal, `operator`
}
