import Contract
import Engine
import HTTP
import Logging
import Operations
import Vault

/// Every setting that an operator has: name, type and default, and what README and help say about it.
///
/// The rest follows from these rows: options (``SettingsOptions``), values (``Configuration``), `run --print-config`, README's table, and what
/// is masked.
struct SettingsTable: Sendable {
    let amqpURL = TypedSetting("AMQP_URL", .secretURL, default: "amqp://guest:guest@127.0.0.1:5672/")
        .meaning("the broker, `amqp://user:password@host:port/vhost` or `amqps://…`")
    let amqpCAFile = TypedSetting("AMQP_CA_FILE", .text("path"), unset: "the system's")
        .meaning("the certificate authority that `amqps://` trusts")
    let prefix = TypedSetting("PREFIX", .text("name"), default: "autotask")
        .meaning("what the names of all exchanges and queues begin with")
    let jobQueues = TypedSetting("JOB_QUEUES", .list("queues"), unset: "`autotask.jobs`")
        .meaning("queues to take jobs from, separated by commas")
    let portalAMQPURL = TypedSetting("PORTAL_AMQP_URL", .secretURL, unset: "`AMQP_URL`")
        .meaning("what `job` and `events` connect with, as a portal's or monitor's user")
    let managementURL = TypedSetting("MANAGEMENT_URL", .secretURL, unset: "none")
        .meaning("the broker's management API, for `topology check` and `doctor`")
    let storeURL = TypedSetting("STORE_URL", .store, default: "sqlite:autotask-worker.sqlite")
        .meaning("the store, `sqlite:PATH`, relative to the state directory")
    let storeCreate = TypedSetting("STORE_CREATE", .either("yes", or: "no", "yes or no"), default: "no")
        .meaning("with `yes`, `run` makes the store if there is none and the key ring belongs to no store: for a first start")
    let autotaskURL = TypedSetting("AUTOTASK_URL", .directoryURL, default: "https://webservices.autotask.net/atservicesrest/")
        .meaning("where zones are looked up")
    let autotaskAllowedHosts = TypedSetting("AUTOTASK_ALLOWED_HOSTS", .list("hosts"), unset: "none")
        .meaning("`host[:port]` that may serve as a zone besides `*.autotask.net`, also over plain HTTP and at a private address")
    let autotaskIntegrationCode = TypedSetting("AUTOTASK_INTEGRATION_CODE", .secret("code"), unset: "none")
        .meaning("the vendor's tracking identifier")
    let autotaskProxy = TypedSetting("AUTOTASK_PROXY", .proxy, unset: "none; `HTTPS_PROXY` and similar variables are ignored")
        .meaning("the proxy on the way to Autotask, `http://user:password@host:port`")
    let autotaskCAFile = TypedSetting("AUTOTASK_CA_FILE", .text("path"), unset: "the system's")
        .meaning("the certificate authorities that Autotask is trusted by")
    let vaultKeys = TypedSetting(
        "VAULT_KEYS",
        .parsed("path", "a path, env:NAME or credential:NAME") { KeyRingLocation($0) },
        default: "keys.json"
    )
    .meaning(
        "the key ring: the path of a file with mode 0600, relative to the state directory, `env:NAME` for an environment variable, `credential:NAME` for one of systemd's credentials"
    )
    let trustedPublishers = TypedSetting("TRUSTED_PUBLISHERS", .publishers, default: "portal")
        .meaning("broker users whose jobs are accepted, `portal,reseller-acme=acme-*`: one with `=` for that tenant or prefix alone")
    let accessCutoff = TypedSetting("ACCESS_CUTOFF", .moment, default: "2023-06-01T00:00:00Z")
        .meaning("tenants must have been configured before; `none` switches the gate off")
    let settleSeconds = TypedSetting("SETTLE_SECONDS", .seconds, default: "300")
        .meaning("how long a write without an answer is left alone before it is looked up; the tenant's next sync waits as long")
    let acknowledgeWarnings = TypedSetting("ACKNOWLEDGE_WARNINGS", .warnings, default: "none")
        .meaning(
            "warnings that stop a sync before any write until its job names them under `acknowledge`: of `price_changed`, `negative_margin`, `service_inactive`, `edit_overwritten`, `cost_not_stored`, `service_recreated`, `duplicate_service`, or `none`. A job may add to them with `acknowledgeRequired`"
        )
    let priceChangePercent = TypedSetting("PRICE_CHANGE_PERCENT", .count("percent"), default: "50")
        .meaning("warn when a unit price moves by more than this percentage of the one that was synced last")
    let previewSeconds = TypedSetting("PREVIEW_SECONDS", .seconds, default: "1800")
        .meaning("how long a sync may name a preview")
    let billingCodesSeconds = TypedSetting("BILLING_CODES_SECONDS", .seconds, default: "600")
        .meaning("how long billing codes that were read count as fresh")
    let quotaShare = TypedSetting("QUOTA_SHARE", .percentage, default: "50")
        .meaning("the most that the worker takes of an Autotask database's hourly quota, in percent")
    let concurrentLanes = TypedSetting("CONCURRENT_LANES", .count("count"), default: "512")
        .meaning("how many tenants are worked on at once")
    let interactiveSeconds = TypedSetting("INTERACTIVE_SECONDS", .seconds, default: "60")
        .meaning(
            "a job for which a person waits (`connect`, `preview`, `billing-codes`, `verify`, `drift`, `diagnose`) ends at most this long after its first attempt began"
        )
    let retrySeconds = TypedSetting("RETRY_SECONDS", .seconds, default: "2")
        .meaning("the first delay of a retry, doubling with each attempt")
    let retryAttempts = TypedSetting("RETRY_ATTEMPTS", .count("count"), default: "10")
        .meaning("attempts at a job, the first included")
    let retryHours = TypedSetting("RETRY_HOURS", .hours, default: "24")
        .meaning("how long after its acceptance a job is tried again at most")
    let backlogLimit = TypedSetting("BACKLOG_LIMIT", .count("count"), default: "50000")
        .meaning(
            "at this number of unfinished jobs in the store the worker stops taking jobs, and RabbitMQ keeps the rest; one tenant and product counts for at most a tenth of it"
        )
    let laneBacklogLimit = TypedSetting("LANE_BACKLOG_LIMIT", .count("count"), default: "1000")
        .meaning(
            "beyond this number of unfinished jobs of one tenant and product, new ones end as `lane_full`; resets and connects are accepted"
        )
    let eventLimitBytes = TypedSetting("EVENT_LIMIT_BYTES", .count("bytes", atLeast: EventLimit.smallest), default: "1048576")
        .meaning(
            "the largest event that is published, at least \(EventLimit.smallest); a larger one is shortened or published in pages; keep it below the broker's `max_message_size`"
        )
    let verifyIntervalHours = TypedSetting("VERIFY_INTERVAL_HOURS", .interval, default: "24")
        .meaning("how often each connection is verified without being asked, ± 10 %; `0` for never; parts of an hour will do")
    let driftIntervalHours = TypedSetting("DRIFT_INTERVAL_HOURS", .interval, default: "24")
        .meaning("how often drift is looked for without being asked, ± 10 %; `0` for never; parts of an hour will do")
    let auditDays = TypedSetting("AUDIT_DAYS", .days(atLeast: 1), default: "400")
        .meaning("how long rows of the audit log are kept")
    let historyDays = TypedSetting("HISTORY_DAYS", .days(atLeast: 0), default: "30")
        .meaning("how long what ended jobs had asked for, and their calls to Autotask, are kept for `sync show`; `0` keeps none")
    let shutdownSeconds = TypedSetting("SHUTDOWN_SECONDS", .seconds, default: "30")
        .meaning("how long finishing may take after SIGTERM")
    let operationsListen = TypedSetting(
        "OPERATIONS_LISTEN",
        .parsed("host:port", "HOST:PORT, such as 127.0.0.1:8080") { ListenAddress($0) },
        unset: "nowhere"
    )
    .meaning("`host:port` where `/livez` and `/readyz` are answered")
    let development = TypedSetting("DEVELOPMENT", .either("1", or: "0", "0 or 1"), default: "0")
        .meaning("with `1`, clear credentials and any publisher are accepted; every start says so")
    let logLevel = TypedSetting("LOG_LEVEL", .parsed("level", "a log level, such as info") { Logger.Level(rawValue: $0) }, default: "info")
        .meaning("`trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`")

    static let rows = SettingsTable()

    /// The rows in their order, each with the name of its property.
    static let named: [(property: String, setting: Setting)] = Mirror(reflecting: rows).children.compactMap { child in
        guard let property = child.label, let row = child.value as? any SettingRow else { return nil }
        return (property, row.setting)
    }

    static let all: [Setting] = named.map(\.setting)

    static subscript(name: String) -> Setting? { all.first { $0.name == name } }
}
