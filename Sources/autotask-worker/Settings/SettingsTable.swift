import Contract
import Engine
import HTTP
import Logging
import Operations
import Vault

/// Every setting: name, type, default, and the text for README and help.
///
/// The rest follows from these rows: options (``SettingOptions``), values (``Configuration``), `run --print-config`, README's table, and
/// the masking of secrets.
struct SettingsTable: Sendable {
    let amqpURL = TypedSetting("AMQP_URL", .secretURL, default: "amqp://guest:guest@127.0.0.1:5672/")
        .meaning("the broker, `amqp://user:password@host:port/vhost` or `amqps://…`")
    let amqpCAFile = TypedSetting("AMQP_CA_FILE", .text("path"), unset: "the system's")
        .meaning("the certificate authority that `amqps://` trusts")
    let prefix = TypedSetting("PREFIX", .text("name"), default: "autotask")
        .meaning("the first word of the names of all exchanges and queues")
    let jobQueues = TypedSetting("JOB_QUEUES", .list("queues"), unset: "`autotask.jobs`")
        .meaning("the job queues to take jobs from, separated by commas")
    let portalAMQPURL = TypedSetting("PORTAL_AMQP_URL", .secretURL, unset: "`AMQP_URL`")
        .meaning("the broker for the commands `job` and `events`, as a portal's or monitor's user")
    let managementURL = TypedSetting("MANAGEMENT_URL", .secretURL, unset: "none")
        .meaning("the broker's management API, for `topology check` and `doctor`")
    let storeURL = TypedSetting("STORE_URL", .store, default: "sqlite:autotask-worker.sqlite")
        .meaning("the store, `sqlite:PATH`, relative to the state directory")
    let storeCreate = TypedSetting("STORE_CREATE", .either("yes", or: "no", "yes or no"), default: "no")
        .meaning("with `yes`, `run` creates the store if there is none and the key ring belongs to no store. Use it for a first start")
    let autotaskURL = TypedSetting("AUTOTASK_URL", .directoryURL, default: "https://webservices.autotask.net/atservicesrest/")
        .meaning("the address of the zone look-up")
    let autotaskAllowedHosts = TypedSetting("AUTOTASK_ALLOWED_HOSTS", .list("hosts"), unset: "none")
        .meaning("`host[:port]` that may serve as a zone in addition to `*.autotask.net`, also over plain HTTP and at a private address")
    let autotaskIntegrationCode = TypedSetting("AUTOTASK_INTEGRATION_CODE", .secret("code"), unset: "none")
        .meaning("the vendor's tracking identifier")
    let autotaskProxy = TypedSetting("AUTOTASK_PROXY", .proxy, unset: "none")
        .meaning("the proxy for calls to Autotask, `http://user:password@host:port` (`HTTPS_PROXY` and similar variables are ignored)")
    let autotaskCAFile = TypedSetting("AUTOTASK_CA_FILE", .text("path"), unset: "the system's")
        .meaning("the certificate authorities that are trusted for Autotask")
    let vaultKeys = TypedSetting(
        "VAULT_KEYS",
        .parsed("path", "a path, env:NAME or credential:NAME") { KeyRingLocation($0) },
        default: "keys.json"
    )
    .meaning(
        "the key ring: the path of a file (mode 0600, relative to the state directory), `env:NAME` for an environment variable, or `credential:NAME` for a systemd credential"
    )
    let trustedPublishers = TypedSetting("TRUSTED_PUBLISHERS", .publishers, default: "portal")
        .meaning(
            "broker users whose jobs are accepted, such as `portal,reseller-acme=acme-*`, where `=` limits a user to a tenant or a prefix"
        )
        .reloadable
    let accessCutoff = TypedSetting("ACCESS_CUTOFF", .moment, default: "2023-06-01T00:00:00Z")
        .meaning("the moment before which a tenant must have been configured (`none` switches the access gate off)")
        .reloadable
    let settleSeconds = TypedSetting("SETTLE_SECONDS", .seconds, default: "300")
        .meaning(
            "how long the worker leaves a write without an answer alone before it looks it up, and how long the tenant's next sync waits"
        )
        .reloadable
    let acknowledgeWarnings = TypedSetting("ACKNOWLEDGE_WARNINGS", .warnings, default: "none")
        .meaning(
            "the acknowledgement policy: warnings that stop a sync before any write until its job names them under `acknowledge`. Choose from `price_changed`, `negative_margin`, `service_inactive`, `edit_overwritten`, `cost_not_stored`, `service_recreated`, `duplicate_service`, or `none`. A job may add to them with `acknowledgeRequired`"
        )
        .reloadable
    let priceChangePercent = TypedSetting("PRICE_CHANGE_PERCENT", .count("percent"), default: "50")
        .meaning("warn when a unit price moves by more than this percentage of the one that was synced last")
        .reloadable
    let previewSeconds = TypedSetting("PREVIEW_SECONDS", .seconds, default: "1800")
        .meaning("how long a preview can be used for a sync")
        .reloadable
    let billingCodesSeconds = TypedSetting("BILLING_CODES_SECONDS", .seconds, default: "600")
        .meaning("how long billing codes count as fresh after the worker has read them")
        .reloadable
    let quotaShare = TypedSetting("QUOTA_SHARE", .percentage, default: "50")
        .meaning("the largest share of an Autotask database's hourly quota that the worker takes, in percent")
        .reloadable
    let concurrentLanes = TypedSetting("CONCURRENT_LANES", .count("count"), default: "512")
        .meaning("how many lanes the worker works on at once, a lane being one product of one tenant")
        .reloadable
    let interactiveSeconds = TypedSetting("INTERACTIVE_SECONDS", .seconds, default: "60")
        .meaning(
            "the longest time from the first attempt to the end of a job for which a person waits (`connect`, `preview`, `billing-codes`, `verify`, `drift`, `diagnose`)"
        )
        .reloadable
    let retrySeconds = TypedSetting("RETRY_SECONDS", .seconds, default: "2")
        .meaning("the first delay of a retry, which doubles with each attempt")
        .reloadable
    let retryAttempts = TypedSetting("RETRY_ATTEMPTS", .count("count"), default: "10")
        .meaning("the highest number of attempts at a job, the first included")
        .reloadable
    let retryHours = TypedSetting("RETRY_HOURS", .hours, default: "24")
        .meaning("how long after its acceptance a job is retried")
        .reloadable
    let backlogLimit = TypedSetting("BACKLOG_LIMIT", .count("count"), default: "50000")
        .meaning(
            "the number of unfinished jobs in the store at which the worker stops taking jobs, and RabbitMQ keeps the rest. One lane counts for at most a tenth of it. Jobs that pauses hold count apart, up to four times as many"
        )
        .reloadable
    let laneBacklogLimit = TypedSetting("LANE_BACKLOG_LIMIT", .count("count"), default: "1000")
        .meaning("the number of unfinished jobs of one lane beyond which new ones end as `lane_full`, except resets and connects")
        .reloadable
    let eventLimitBytes = TypedSetting("EVENT_LIMIT_BYTES", .count("bytes", atLeast: EventLimit.smallest), default: "1048576")
        .meaning(
            "the largest event that the worker publishes, at least \(EventLimit.smallest). A larger event is shortened or published in pages. Keep it below the broker's `max_message_size`"
        )
    let verifyIntervalHours = TypedSetting("VERIFY_INTERVAL_HOURS", .interval, default: "24")
        .meaning(
            "the interval of the scheduled check `verify` for each connection, ± 10 %. Fractions of an hour are allowed, and `0` means never"
        )
        .reloadable
    let driftIntervalHours = TypedSetting("DRIFT_INTERVAL_HOURS", .interval, default: "24")
        .meaning(
            "the interval of the scheduled check `drift` for each connection, ± 10 %. Fractions of an hour are allowed, and `0` means never"
        )
        .reloadable
    let auditDays = TypedSetting("AUDIT_DAYS", .days(atLeast: 1), default: "400")
        .meaning("how long rows of the audit log are kept")
        .reloadable
    let historyDays = TypedSetting("HISTORY_DAYS", .days(atLeast: 0), default: "30")
        .meaning("how long requests and calls to Autotask of ended jobs are kept for `sync show` (`0` keeps none)")
        .reloadable
    let shutdownSeconds = TypedSetting("SHUTDOWN_SECONDS", .seconds, default: "30")
        .meaning("how long a shutdown may take after SIGTERM")
    let operationsListen = TypedSetting(
        "OPERATIONS_LISTEN",
        .parsed("host:port", "HOST:PORT, such as 127.0.0.1:8080") { ListenAddress($0) },
        unset: "none"
    )
    .meaning("`host:port` of the health checks `/livez` and `/readyz`, and of `/metrics`")
    let development = TypedSetting("DEVELOPMENT", .either("1", or: "0", "0 or 1"), default: "0")
        .meaning("with `1`, the worker accepts clear credentials and any publisher, and reports that at every start")
    let logLevel = TypedSetting("LOG_LEVEL", .parsed("level", "a log level, such as info") { Logger.Level(rawValue: $0) }, default: "info")
        .meaning("`trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`")
        .reloadable

    let logFormat = TypedSetting("LOG_FORMAT", .parsed("format", "text, json or logfmt") { LogFormat(rawValue: $0) }, default: "text")
        .meaning("`text`, `json` (one object a line) or `logfmt`; times are in UTC")

    let otelEndpoint = TypedSetting("OTEL_EXPORTER_OTLP_ENDPOINT", .collectorURL, unset: "none: traces are off")
        .meaning(
            "the collector of traces, such as `http://127.0.0.1:4318`: the worker sends OTLP over HTTP in JSON to `/v1/traces` below it"
        )
    let otelTracesEndpoint = TypedSetting(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        .collectorURL,
        unset: "below `OTEL_EXPORTER_OTLP_ENDPOINT`"
    )
    .meaning("the whole URL to which traces are sent")
    let otelHeaders = TypedSetting("OTEL_EXPORTER_OTLP_HEADERS", .headers, unset: "none")
        .meaning("headers for the collector, `name=value` separated by commas, values percent-encoded")
    let otelTracesHeaders = TypedSetting("OTEL_EXPORTER_OTLP_TRACES_HEADERS", .headers, unset: "`OTEL_EXPORTER_OTLP_HEADERS`")
        .meaning("the same for traces alone")
    let otelTimeout = TypedSetting("OTEL_EXPORTER_OTLP_TIMEOUT", .milliseconds, default: "10000")
        .meaning("how long a request to the collector may take, in milliseconds")
    let otelTracesTimeout = TypedSetting("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", .milliseconds, unset: "`OTEL_EXPORTER_OTLP_TIMEOUT`")
        .meaning("the same for traces alone")
    let otelCertificate = TypedSetting("OTEL_EXPORTER_OTLP_CERTIFICATE", .text("path"), unset: "the system's")
        .meaning("the certificate authorities that are trusted for the collector")
    let otelSampler = TypedSetting(
        "OTEL_TRACES_SAMPLER",
        .parsed("sampler", "a sampler, such as parentbased_traceidratio") { SamplerName(rawValue: $0) },
        default: SamplerName.parentBasedAlwaysOn.rawValue
    )
    .meaning("which jobs are traced: \(SamplerName.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", "))")
    let otelSamplerArgument = TypedSetting(
        "OTEL_TRACES_SAMPLER_ARG",
        .parsed("ratio", "a number from 0 to 1") { Double($0).flatMap { (0...1).contains($0) ? $0 : nil } },
        default: "1"
    )
    .meaning("the share of traces for a sampler with `traceidratio`")
    let otelServiceName = TypedSetting("OTEL_SERVICE_NAME", .text("name"), unset: "`autotask-worker`")
        .meaning("the `service.name` of traces")
    let otelResourceAttributes = TypedSetting("OTEL_RESOURCE_ATTRIBUTES", .pairs("attributes"), unset: "none")
        .meaning("further attributes of traces, `name=value` separated by commas, values percent-encoded")
    let otelScheduleDelay = TypedSetting("OTEL_BSP_SCHEDULE_DELAY", .milliseconds, default: "5000")
        .meaning("how long a span waits for others before it is sent, in milliseconds")
    let otelExportTimeout = TypedSetting("OTEL_BSP_EXPORT_TIMEOUT", .milliseconds, default: "30000")
        .meaning("how long spans that the collector does not take are sent again, in milliseconds")
    let otelQueueSize = TypedSetting("OTEL_BSP_MAX_QUEUE_SIZE", .count("count"), default: "2048")
        .meaning("how many spans may wait; further ones are dropped")
    let otelBatchSize = TypedSetting("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", .count("count"), default: "512")
        .meaning("how many spans a request has at most")
    let otelDisabled = TypedSetting("OTEL_SDK_DISABLED", .either("true", or: "false", "true or false"), default: "false")
        .meaning("with `true`, traces are off")

    static let rows = SettingsTable()

    /// The rows in their order, each with the name of its property.
    static let named: [(property: String, setting: Setting)] = Mirror(reflecting: rows).children.compactMap { child in
        guard let property = child.label, let row = child.value as? any SettingRow else { return nil }
        return (property, row.setting)
    }

    static let all: [Setting] = named.map(\.setting)

    static subscript(name: String) -> Setting? { all.first { $0.name == name } }
}
