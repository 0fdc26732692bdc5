/// Every setting that an operator has, by the name of its environment variable (`Contract`, "Settings and exit codes").
///
/// The command line's option is the same name in lower case with dashes (`--amqp-url`), the file's key in lower case with dots nested as
/// objects (`{"amqp": {"url": "…"}}`).
enum Setting: String, CaseIterable {
    case amqpURL = "AMQP_URL"
    case amqpCAFile = "AMQP_CA_FILE"
    case prefix = "PREFIX"
    case jobQueues = "JOB_QUEUES"
    case portalAMQPURL = "PORTAL_AMQP_URL"
    case managementURL = "MANAGEMENT_URL"
    case storeURL = "STORE_URL"
    case storeCreate = "STORE_CREATE"
    case autotaskURL = "AUTOTASK_URL"
    case autotaskAllowedHosts = "AUTOTASK_ALLOWED_HOSTS"
    case autotaskIntegrationCode = "AUTOTASK_INTEGRATION_CODE"
    case autotaskProxy = "AUTOTASK_PROXY"
    case autotaskCAFile = "AUTOTASK_CA_FILE"
    case vaultKeys = "VAULT_KEYS"
    case trustedPublishers = "TRUSTED_PUBLISHERS"
    case accessCutoff = "ACCESS_CUTOFF"
    case settleSeconds = "SETTLE_SECONDS"
    case acknowledgeWarnings = "ACKNOWLEDGE_WARNINGS"
    case priceChangePercent = "PRICE_CHANGE_PERCENT"
    case previewSeconds = "PREVIEW_SECONDS"
    case billingCodesSeconds = "BILLING_CODES_SECONDS"
    case quotaShare = "QUOTA_SHARE"
    case concurrentLanes = "CONCURRENT_LANES"
    case interactiveSeconds = "INTERACTIVE_SECONDS"
    case retrySeconds = "RETRY_SECONDS"
    case retryAttempts = "RETRY_ATTEMPTS"
    case retryHours = "RETRY_HOURS"
    case backlogLimit = "BACKLOG_LIMIT"
    case laneBacklogLimit = "LANE_BACKLOG_LIMIT"
    case eventLimitBytes = "EVENT_LIMIT_BYTES"
    case verifyIntervalHours = "VERIFY_INTERVAL_HOURS"
    case driftIntervalHours = "DRIFT_INTERVAL_HOURS"
    case auditDays = "AUDIT_DAYS"
    case historyDays = "HISTORY_DAYS"
    case shutdownSeconds = "SHUTDOWN_SECONDS"
    case operationsListen = "OPERATIONS_LISTEN"
    case development = "DEVELOPMENT"
    case logLevel = "LOG_LEVEL"

    /// What holds when nothing is set; `nil` for what is then absent, or follows from another setting.
    var defaultValue: String? {
        switch self {
        case .amqpURL: "amqp://guest:guest@127.0.0.1:5672/"
        case .prefix: "autotask"
        case .storeURL: "sqlite:autotask-worker.sqlite"
        case .storeCreate: "no"
        case .autotaskURL: "https://webservices.autotask.net/atservicesrest/"
        case .vaultKeys: "keys.json"
        case .trustedPublishers: "portal"
        case .accessCutoff: "2023-06-01T00:00:00Z"
        case .settleSeconds: "300"
        case .acknowledgeWarnings: "none"
        case .priceChangePercent: "50"
        case .previewSeconds: "1800"
        case .billingCodesSeconds: "600"
        case .quotaShare: "50"
        case .concurrentLanes: "512"
        case .interactiveSeconds: "60"
        case .retrySeconds: "2"
        case .retryAttempts: "10"
        case .retryHours: "24"
        case .backlogLimit: "50000"
        case .laneBacklogLimit: "1000"
        case .eventLimitBytes: "1048576"
        case .verifyIntervalHours: "24"
        case .driftIntervalHours: "24"
        case .auditDays: "400"
        case .historyDays: "30"
        case .shutdownSeconds: "30"
        case .development: "0"
        case .logLevel: "info"
        case .amqpCAFile, .jobQueues, .portalAMQPURL, .managementURL, .autotaskAllowedHosts, .autotaskIntegrationCode, .autotaskProxy,
            .autotaskCAFile, .operationsListen:
            nil
        }
    }

    /// Its option on the command line: `--amqp-url`.
    var option: String { "--" + rawValue.lowercased().split(separator: "_").joined(separator: "-") }

    /// Where in a value its secret stands; `nil` where there is none.
    func secret(in value: String) -> Range<String.Index>? {
        switch self {
        case .amqpURL, .portalAMQPURL, .managementURL, .storeURL, .autotaskProxy: value.password
        case .autotaskIntegrationCode: value.startIndex..<value.endIndex
        default: nil
        }
    }

    /// The value as it may be shown: `amqp://worker:…@127.0.0.1:5672/`.
    func masked(_ value: String) -> String {
        guard let secret = secret(in: value) else { return value }
        return value[..<secret.lowerBound] + "…" + value[secret.upperBound...]
    }
}

extension String {
    /// That of a URL, between its user and its host.
    fileprivate var password: Range<Index>? {
        guard let scheme = firstRange(of: "://"), let at = self[scheme.upperBound...].lastIndex(of: "@"),
            let colon = self[scheme.upperBound..<at].firstIndex(of: ":")
        else { return nil }
        return index(after: colon)..<at
    }
}
