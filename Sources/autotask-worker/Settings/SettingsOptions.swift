import ArgumentParser

/// The settings as options of the command line, shared by every command.
///
/// An option's secret is visible to others for a moment, until ``Launch`` has erased it, and stays in the shell's history: the environment or
/// a file are better places.
struct SettingsOptions: ParsableArguments {
    @Option(help: "A JSON file with settings.", completion: .file(extensions: ["json"]))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "The broker, as amqp://user:password@host:port/vhost or amqps://…; better set in the environment.",
            valueName: "url"
        )
    )
    var amqpUrl: String?
    @Option(help: ArgumentHelp("The certificate authority that amqps:// trusts.", valueName: "path"))
    var amqpCaFile: String?
    @Option(help: ArgumentHelp("What the names of all exchanges and queues begin with.", valueName: "name"))
    var prefix: String?
    @Option(help: ArgumentHelp("The queues to take jobs from, separated by commas.", valueName: "queues"))
    var jobQueues: String?
    @Option(help: ArgumentHelp("The broker as a portal's or monitor's user, for job and events.", valueName: "url"))
    var portalAmqpUrl: String?
    @Option(help: ArgumentHelp("The broker's management API, for topology check and doctor.", valueName: "url"))
    var managementUrl: String?
    @Option(help: ArgumentHelp("The store, as sqlite:PATH.", valueName: "url"))
    var storeUrl: String?
    @Option(help: ArgumentHelp("yes has run make the store: for a first start only.", valueName: "yes|no"))
    var storeCreate: String?
    @Option(help: ArgumentHelp("Where Autotask zones are looked up.", valueName: "url"))
    var autotaskUrl: String?
    @Option(
        help: ArgumentHelp("Hosts that may serve as a zone besides *.autotask.net, as host:port separated by commas.", valueName: "hosts")
    )
    var autotaskAllowedHosts: String?
    @Option(help: ArgumentHelp("The vendor's tracking identifier.", valueName: "code"))
    var autotaskIntegrationCode: String?
    @Option(help: ArgumentHelp("The proxy on the way to Autotask, as http://user:password@host:port; none.", valueName: "url"))
    var autotaskProxy: String?
    @Option(help: ArgumentHelp("The certificate authorities that Autotask is trusted by, instead of the system's.", valueName: "path"))
    var autotaskCaFile: String?
    @Option(help: ArgumentHelp("The key ring file.", valueName: "path"))
    var vaultKeys: String?
    @Option(
        help: ArgumentHelp(
            "Broker users whose jobs are accepted, separated by commas; user=acme-* for some tenants alone.",
            valueName: "users"
        )
    )
    var trustedPublishers: String?
    @Option(help: ArgumentHelp("Tenants must have been configured before this moment; none switches the gate off.", valueName: "date-time"))
    var accessCutoff: String?
    @Option(help: ArgumentHelp("How long an ambiguous create is left alone.", valueName: "seconds"))
    var settleSeconds: String?
    @Option(help: ArgumentHelp("Warnings that stop a sync until its job acknowledges them; none for none.", valueName: "codes"))
    var acknowledgeWarnings: String?
    @Option(help: ArgumentHelp("A unit price that moves by more than this share is warned of.", valueName: "percent"))
    var priceChangePercent: String?
    @Option(help: ArgumentHelp("How long a sync may name a preview.", valueName: "seconds"))
    var previewSeconds: String?
    @Option(help: ArgumentHelp("How long billing codes that were read count as fresh.", valueName: "seconds"))
    var billingCodesSeconds: String?
    @Option(help: ArgumentHelp("The most of an Autotask database's hourly quota that the worker takes.", valueName: "percent"))
    var quotaShare: String?
    @Option(help: ArgumentHelp("How many tenants are worked on at once.", valueName: "count"))
    var concurrentLanes: String?
    @Option(help: ArgumentHelp("How long after its first attempt began a job ends for which a person waits.", valueName: "seconds"))
    var interactiveSeconds: String?
    @Option(help: ArgumentHelp("The first delay of a retry; it doubles with each attempt.", valueName: "seconds"))
    var retrySeconds: String?
    @Option(help: ArgumentHelp("Attempts at a job, the first included.", valueName: "count"))
    var retryAttempts: String?
    @Option(help: ArgumentHelp("How long after it was accepted a job is tried again.", valueName: "hours"))
    var retryHours: String?
    @Option(help: ArgumentHelp("With so many unfinished jobs no more are taken: they wait at the broker.", valueName: "count"))
    var backlogLimit: String?
    @Option(
        help: ArgumentHelp("Beyond this number of unfinished jobs of one tenant and product, new ones are refused.", valueName: "count")
    )
    var laneBacklogLimit: String?
    @Option(
        help: ArgumentHelp("The largest event that is published. A larger one is shortened, or published in pages.", valueName: "bytes")
    )
    var eventLimitBytes: String?
    @Option(help: ArgumentHelp("How often each connection is verified without being asked; 0 for never.", valueName: "hours"))
    var verifyIntervalHours: String?
    @Option(help: ArgumentHelp("How often drift is looked for without being asked; 0 for never.", valueName: "hours"))
    var driftIntervalHours: String?
    @Option(help: ArgumentHelp("How long rows of the audit log are kept.", valueName: "days"))
    var auditDays: String?
    @Option(
        help: ArgumentHelp("How long what ended jobs asked for, and their calls, are kept; 0 keeps none.", valueName: "days")
    )
    var historyDays: String?
    @Option(help: ArgumentHelp("How long finishing may take after SIGTERM.", valueName: "seconds"))
    var shutdownSeconds: String?
    @Option(help: ArgumentHelp("Where /livez and /readyz are answered; nowhere by default.", valueName: "host:port"))
    var operationsListen: String?
    @Option(help: ArgumentHelp("1 accepts clear credentials and any publisher: for development only.", valueName: "0|1"))
    var development: String?
    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel: String?

    func value(of setting: Setting) -> String? {
        switch setting {
        case .amqpURL: amqpUrl
        case .amqpCAFile: amqpCaFile
        case .prefix: prefix
        case .jobQueues: jobQueues
        case .portalAMQPURL: portalAmqpUrl
        case .managementURL: managementUrl
        case .storeURL: storeUrl
        case .storeCreate: storeCreate
        case .autotaskURL: autotaskUrl
        case .autotaskAllowedHosts: autotaskAllowedHosts
        case .autotaskIntegrationCode: autotaskIntegrationCode
        case .autotaskProxy: autotaskProxy
        case .autotaskCAFile: autotaskCaFile
        case .vaultKeys: vaultKeys
        case .trustedPublishers: trustedPublishers
        case .accessCutoff: accessCutoff
        case .settleSeconds: settleSeconds
        case .acknowledgeWarnings: acknowledgeWarnings
        case .priceChangePercent: priceChangePercent
        case .previewSeconds: previewSeconds
        case .billingCodesSeconds: billingCodesSeconds
        case .quotaShare: quotaShare
        case .concurrentLanes: concurrentLanes
        case .interactiveSeconds: interactiveSeconds
        case .retrySeconds: retrySeconds
        case .retryAttempts: retryAttempts
        case .retryHours: retryHours
        case .backlogLimit: backlogLimit
        case .laneBacklogLimit: laneBacklogLimit
        case .eventLimitBytes: eventLimitBytes
        case .verifyIntervalHours: verifyIntervalHours
        case .driftIntervalHours: driftIntervalHours
        case .auditDays: auditDays
        case .historyDays: historyDays
        case .shutdownSeconds: shutdownSeconds
        case .operationsListen: operationsListen
        case .development: development
        case .logLevel: logLevel
        }
    }
}
