extension ErrorCode {
    /// The properties and default texts of one code (`Error-codes`).
    package struct Properties: Sendable {
        package let category: ErrorCategory
        /// Whether the same request may succeed later without human action.
        package let isRetryable: Bool
        package let fixableBy: FixableBy
        /// The second line under the page's headline.
        package let message: String
        /// What to do next.
        package let hint: String

        fileprivate init(_ category: ErrorCategory, retryable: Bool = false, _ fixableBy: FixableBy, _ message: String, hint: String) {
            self.category = category
            isRetryable = retryable
            self.fixableBy = fixableBy
            self.message = message
            self.hint = hint
        }
    }

    package var properties: Properties {
        switch self {
        case .credentialsInvalid:
            Properties(
                .input,
                .mspAdmin,
                "The API user name or password was not accepted by Autotask.",
                hint: """
                    Use an API user (licence type "API User") whose integration vendor is "Datto File Protection & Datto Workplace", as in \
                    "How do I create an API user in Autotask for my Workplace/Autotask integration?". A new API user may take up to 5 minutes to work.
                    """
            )
        case .apiUserLockedOrInactive:
            Properties(
                .state,
                .mspAdmin,
                "Autotask no longer accepts this API user. Check that it is active, not locked, and that its password has not changed.",
                hint: "Unlock or activate the API user in Autotask, or enter its new password here. Nothing is sent to Autotask until then."
            )
        case .trackingIDRejected:
            Properties(
                .autotask,
                .operator,
                "The integration is temporarily unavailable. We are on it.",
                hint: "Autotask refused the integration's tracking identifier: check AUTOTASK_INTEGRATION_CODE."
            )
        case .zoneNotFound:
            Properties(
                .input,
                .mspAdmin,
                "Autotask does not know this user name. Use the key from the API user page, not an e-mail address.",
                hint: "Copy the \"Username (Key)\" of the API user exactly as Autotask shows it."
            )
        case .databaseChanged:
            Properties(
                .state,
                .mspAdmin,
                "These credentials belong to a different Autotask database. Reset the integration or confirm the change.",
                hint: "Confirming the change sets all services back to Not synced; nothing is changed in the old database."
            )
        case .accessDenied:
            Properties(
                .autotask,
                .autotaskAdmin,
                "Autotask refused this request. Check the API user's security level and any address restriction.",
                hint: "Use the security level \"API User (system)\" and allow this service's addresses."
            )
        case .permissionDenied:
            Properties(
                .autotask,
                .autotaskAdmin,
                "The API user lacks a permission that this needs in Autotask.",
                hint: "Use the security level \"API User (system)\" or add the permission."
            )
        case .notVisible:
            Properties(
                .autotask,
                .autotaskAdmin,
                "The service exists but this API user cannot see it (line of business?).",
                hint: "Let the API user see all services, then synchronize again."
            )
        case .serviceNameConflict:
            Properties(
                .input,
                .mspAdmin,
                "A service of this name already exists in Autotask. Choose another name or link it.",
                hint: "Names must be unique among active and inactive services in Autotask."
            )
        case .serviceNameDuplicateInPlan:
            Properties(
                .input,
                .mspAdmin,
                "Two services in the plan have the same name.",
                hint: "Give each service a name of its own; case and outer spaces do not count."
            )
        case .nameInvalid:
            Properties(
                .input,
                .mspAdmin,
                "The service name is missing or not usable.",
                hint: "Enter a name that is not blank and not longer than Autotask allows."
            )
        case .priceInvalid:
            Properties(
                .input,
                .mspAdmin,
                "The unit price is missing or not usable.",
                hint: "Enter a number that is not negative, with at most 12 digits and 4 decimal places."
            )
        case .costInvalid:
            Properties(
                .input,
                .mspAdmin,
                "The unit cost is missing or not usable.",
                hint: "Enter a number that is not negative, with at most 12 digits and 4 decimal places."
            )
        case .billingCodeMissing:
            Properties(
                .input,
                .mspAdmin,
                "Select an active recurring-service billing code for this service.",
                hint: "The billing code determines the tax setting when the service is invoiced."
            )
        case .billingCodeNotFound:
            Properties(
                .input,
                .mspAdmin,
                "The billing code does not exist in Autotask.",
                hint: "Select an active recurring-service billing code."
            )
        case .billingCodeInactive:
            Properties(
                .input,
                .mspAdmin,
                "The billing code is inactive in Autotask.",
                hint: "Select an active recurring-service billing code, or activate this one in Autotask."
            )
        case .billingCodeWrongType:
            Properties(
                .input,
                .mspAdmin,
                "The billing code is not a recurring-service code.",
                hint: "Select an active recurring-service billing code."
            )
        case .periodMismatch:
            Properties(
                .state,
                .mspAdmin,
                "The billing period differs in Autotask and cannot be changed there.",
                hint: "Set the period back, or retire this service and add a new one: contracts refer to the existing service."
            )
        case .periodUnsupported:
            Properties(
                .input,
                .portal,
                "The billing period must be Monthly or Yearly, and Autotask must offer it.",
                hint: "Choose Monthly or Yearly."
            )
        case .adoptionRefused:
            Properties(
                .input,
                .mspAdmin,
                "The service in Autotask cannot be linked to this service of the plan.",
                hint: "Link a service that is linked to nothing else, or leave it out: then one is created."
            )
        case .acknowledgementNeeded:
            Properties(
                .input,
                .mspAdmin,
                "Nothing was changed: what this sync would do has to be confirmed first.",
                hint: "Look at the warnings, and synchronize again naming those under acknowledge that are meant."
            )
        case .remoteRejected:
            Properties(.autotask, .mspAdmin, "Autotask rejected the change.", hint: "Mend what Autotask names, then synchronize again.")
        case .rateLimited:
            Properties(
                .autotask,
                retryable: true,
                .autotaskAdmin,
                "Autotask is limiting requests for your database.",
                hint: "Other integrations share the same hourly quota."
            )
        case .autotaskUnavailable:
            Properties(
                .autotask,
                retryable: true,
                .operator,
                "Autotask did not answer as expected.",
                hint: "See Autotask's status page if it lasts."
            )
        case .timeout:
            Properties(
                .network,
                retryable: true,
                .operator,
                "Autotask did not answer in time.",
                hint: "See Autotask's status page if it lasts."
            )
        case .network:
            Properties(
                .network,
                retryable: true,
                .operator,
                "Autotask could not be reached.",
                hint: "Check name resolution, TLS and the network between the worker and Autotask."
            )
        case .outcomeUnknown:
            Properties(
                .network,
                retryable: true,
                .operator,
                "We could not confirm the result; checking before retrying.",
                hint: "Nothing is repeated before Autotask was asked whether it was done."
            )
        case .superseded:
            Properties(.state, .portal, "A newer change replaced this request.", hint: "Nothing needs to be done: follow the newer job.")
        case .laneFull:
            Properties(
                .state,
                retryable: true,
                .portal,
                "Too many requests of this account are waiting.",
                hint: "Wait for the tenant's jobs to end, then send it again under a new id."
            )
        case .planStale:
            Properties(
                .state,
                .mspAdmin,
                "Nothing was changed: the plan or Autotask is not as it was when this sync was previewed.",
                hint: "Preview again, and synchronize with the new preview."
            )
        case .notConnected:
            Properties(.state, .mspAdmin, "Autotask is not connected.", hint: "Connect your Autotask account first.")
        case .integrationNotAvailable:
            Properties(
                .state,
                .mspAdmin,
                "This integration is only available if it was configured before the release of Integrated Billing.",
                hint: "Please switch to Integrated Billing via Autotask as soon as possible."
            )
        case .planIncomplete:
            Properties(
                .input,
                .portal,
                "The plan lacks a service that was synchronized before.",
                hint: """
                    All services are synced together: name every service under services or under retired, and send the plan under a new id.
                    """
            )
        case .expired:
            Properties(.state, .portal, "The request was not begun before it expired.", hint: "Send it again under a new id.")
        case .jobInvalid:
            Properties(
                .input,
                .portal,
                "The request could not be processed.",
                hint: "Correct the message by its schema and send it under a new id."
            )
        case .duplicateID:
            Properties(
                .input,
                .portal,
                "Another request was sent under this id before.",
                hint: "Send it under a new id: the first request stands."
            )
        case .notSupported:
            Properties(
                .input,
                .portal,
                "This version does not do what the request asks for.",
                hint: "Leave it out, or have the operator update the worker. Send the request under a new id."
            )
        case .decryptionFailed:
            Properties(
                .input,
                .portal,
                "The credentials could not be opened.",
                hint: "Seal them again for this tenant and product with a current key, under a new id: they are sealed for one job's id."
            )
        case .keyUnknown:
            Properties(
                .input,
                .portal,
                "The credentials were sealed with a key that is not in use.",
                hint: "Fetch the published keys again and seal under a new id."
            )
        case .resetNotConfirmed:
            Properties(.input, .portal, "Confirm the reset first.", hint: "Ask the user, then send \"confirm\": true under a new id.")
        case .held:
            Properties(
                .worker,
                retryable: true,
                .operator,
                "Requests of this kind are paused.",
                hint: "Nothing needs to be done for a request that waits. Otherwise send it again once the pause has ended."
            )
        case .givenUp:
            Properties(
                .worker,
                .operator,
                "The request was withdrawn by the operator of the worker.",
                hint: "Ask support why. If it is still wanted, send it again under a new id."
            )
        case .poison:
            Properties(.worker, .operator, "The request could not be processed.", hint: "It stopped the worker each time it was tried.")
        case .internal:
            Properties(.worker, .operator, "Something went wrong on our side.", hint: "Give support the id of the job.")
        }
    }
}
