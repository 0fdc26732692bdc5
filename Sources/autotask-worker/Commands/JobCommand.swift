import ArgumentParser
import Contract
import FoundationEssentials

/// `job …`: publishes a job as a portal would, with the portal's own broker user; finds and shows jobs of the store.
struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job",
        abstract: "Publishes a job as a portal would; lists, shows and changes jobs.",
        discussion: """
            'list', 'show' and 'why' read the store; 'try-now' and 'give-up' change a job in it. The other commands publish a job. Its data \
            comes from --data FILE, or from the options of its kind. With --wait, the command prints the terminal event, and exits with 0 or 1 accordingly.

            Example: autotask-worker job sync --tenant msp-4711 --data seeds/jobs/sync.json --wait
            """,
        subcommands: [
            Connect.self, Sync.self, Reset.self, BillingCodes.self, Preview.self, Verify.self, Drift.self, Diagnose.self, List.self,
            Show.self, Why.self, TryNow.self, GiveUp.self,
        ]
    )

    struct Connect: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Connects a tenant to its Autotask account.",
            discussion: """
                With --portal-keys, which takes the output of 'keys publish', credentials are sealed as a portal seals them. Without it, they \
                are sent in the clear, which only a worker with DEVELOPMENT=1 accepts.

                Example: autotask-worker keys publish | autotask-worker job connect --tenant msp-4711 --username api@msp.example \
                --secret-file secret.txt --portal-keys - --wait
                """
        )
        static let kind = JobKind.connect
        @OptionGroup var job: JobOptions
        @OptionGroup var credentials: CredentialsOptions
        @Option(help: ArgumentHelp("When the tenant first configured the integration.", valueName: "date-time")) var firstConfiguredAt:
            String?
        @Flag(help: "Accept credentials of another Autotask database.") var allowDatabaseChange = false

        func validate() throws {
            guard job.data != "-" || !credentials.readsStandardInput else {
                throw ValidationError("Only one option can read standard input.")
            }
        }

        func complete(_ data: inout JSONObject, job: JobID, tenant: TenantID) throws {
            if let plaintext = try credentials.plaintext() {
                data["credentials"] = try credentials.member(plaintext, for: job, of: Lane(tenant: tenant, product: try data.product))
            }
            if let firstConfiguredAt { data["firstConfiguredAt"] = .string(firstConfiguredAt) }
            if allowDatabaseChange { data["allowDatabaseChange"] = true }
        }
    }

    struct Sync: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Transfers all services of a plan to Autotask.",
            discussion: """
                With --preview, the sync does exactly what the preview listed, or nothing. Warnings that need an acknowledgement, as 'job preview' \
                lists them, stop the sync until --acknowledge names them.

                Example: autotask-worker job sync --tenant msp-4711 --data seeds/jobs/sync.json --wait
                """
        )
        static let kind = JobKind.sync
        @OptionGroup var job: JobOptions
        @OptionGroup var choices: PlanOptions
        @Option(help: ArgumentHelp("The preview to carry out.", valueName: "previewId")) var preview: String?

        func complete(_ data: inout JSONObject, job: JobID, tenant: TenantID) throws {
            try choices.complete(&data)
            if let preview { data["previewId"] = .string(preview) }
        }
    }

    struct Reset: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Erases a tenant's integration. Nothing is changed in Autotask.",
            discussion: "Example: autotask-worker job reset --tenant msp-4711 --confirm --wait"
        )
        static let kind = JobKind.reset
        @OptionGroup var job: JobOptions
        @Flag(help: "Confirm the reset.") var confirm = false
        @Option(help: ArgumentHelp("The reason, for the record.", valueName: "text")) var reason: String?

        func complete(_ data: inout JSONObject, job: JobID, tenant: TenantID) {
            if confirm { data["confirm"] = true }
            if let reason { data["reason"] = .string(reason) }
        }
    }

    struct BillingCodes: JobSubcommand {
        static let configuration = CommandConfiguration(
            commandName: "billing-codes",
            abstract: "Lists the active recurring-service billing codes.",
            discussion: "Example: autotask-worker job billing-codes --tenant msp-4711 --wait"
        )
        static let kind = JobKind.billingCodes
        @OptionGroup var job: JobOptions
        @Flag(help: "Ask Autotask even if the stored codes are fresh.") var refresh = false

        func complete(_ data: inout JSONObject, job: JobID, tenant: TenantID) {
            if refresh { data["refresh"] = true }
        }
    }

    struct Preview: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what a sync would do, and writes nothing.",
            discussion: "Example: autotask-worker job preview --tenant msp-4711 --data seeds/jobs/sync.json --wait"
        )
        static let kind = JobKind.preview
        @OptionGroup var job: JobOptions
        @OptionGroup var choices: PlanOptions

        func complete(_ data: inout JSONObject, job: JobID, tenant: TenantID) throws { try choices.complete(&data) }
    }

    struct Verify: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks whether a tenant's connection works.",
            discussion: "Example: autotask-worker job verify --tenant msp-4711 --wait"
        )
        static let kind = JobKind.verify
        @OptionGroup var job: JobOptions
    }

    struct Drift: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Reports how services in Autotask differ from what was synced.",
            discussion: "Example: autotask-worker job drift --tenant msp-4711 --wait"
        )
        static let kind = JobKind.drift
        @OptionGroup var job: JobOptions
    }

    struct Diagnose: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Tests a tenant's connection to Autotask step by step. Nothing is changed in Autotask.",
            discussion: "Example: autotask-worker job diagnose --tenant msp-4711 --wait"
        )
        static let kind = JobKind.diagnose
        @OptionGroup var job: JobOptions
    }
}

/// The options that jobs of all kinds have in common.
struct JobOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The tenant.", valueName: "id"), completion: OfferedNames.tenants) var tenant: String
    @Option(help: ArgumentHelp("workplace or fileProtection.", valueName: "name"), completion: OfferedNames.products) var product: String?
    @Option(help: ArgumentHelp("The job's id; a new one by default. Repeating an id repeats the answer, not the work.", valueName: "id"))
    var id: String?
    @Option(help: ArgumentHelp("A JSON file with the job's data; - reads standard input.", valueName: "path"), completion: .file())
    var data: String?
    @Option(help: ArgumentHelp("The job expires if it has not begun after this many seconds.", valueName: "seconds")) var expiresIn: Int?
    @Flag(help: "Wait for the terminal event.") var wait = false
    @Option(
        help: ArgumentHelp("How long to wait. If the job is deferred, the time begins again at its next attempt.", valueName: "seconds")
    ) var timeout: Int = 120
    @OptionGroup var output: OutputOptions
}

protocol JobSubcommand: OutputCommand {
    static var kind: JobKind { get }
    var job: JobOptions { get }

    /// Adds the values of the kind's own options.
    func complete(_ data: inout JSONObject, job: JobID, tenant: TenantID) throws
}

extension JobSubcommand {
    func complete(_ data: inout JSONObject, job: JobID, tenant: TenantID) throws {}

    static var changesSomething: Bool { true }
    var output: OutputOptions { job.output }

    func result(_ settings: Configuration) async throws -> JobAnswer {
        let tenant = try TenantID(argument: job.tenant)
        let id = try JobID(argument: job.id ?? UUID().uuidString.lowercased())
        var data = try job.data.map { try InputFile(path: $0).object() } ?? JSONObject()
        if let product = job.product { data["product"] = .string(try Product(argument: product).rawValue) }
        try complete(&data, job: id, tenant: tenant)
        let request = JobRequest(
            id: id,
            tenant: tenant,
            kind: Self.kind,
            data: data,
            expiresIn: job.expiresIn.map { .seconds($0) },
            time: SystemTime.now
        )

        let answer = try await PortalConnection(settings).publish(request, awaitingAnswer: job.wait ? .seconds(job.timeout) : nil)
        return answer.map { .ended(EventText(event: $0)) } ?? .published(id)
    }
}

/// The result of a published job.
enum JobAnswer: CommandOutput {
    /// The command did not wait for its end.
    case published(JobID)
    case ended(EventText)

    private var output: any CommandOutput {
        switch self {
        case .published(let id): Outcome(["jobId": id], "Published job \(id).")
        case .ended(let event): event
        }
    }

    var json: JSON { output.json }
    var lines: [String] { output.lines }
    var failure: (any Error)? { output.failure }
}

extension JSONObject {
    /// The product in a job's data, or the default one.
    fileprivate var product: Product {
        get throws { try Product(argument: self["product"].map { $0.string ?? "The product" }) }
    }
}

extension JSON {
    /// Whether a terminal event reports success; for a diagnosis, whether the connection is healthy.
    var isGoodNews: Bool {
        guard let type = self["type"]?.string.flatMap({ EventType(rawValue: String($0.dropFirst("autotask.".count))) }) else {
            return false
        }
        switch type {
        case .connectionEstablished, .connectionVerified, .syncSucceeded, .syncPreviewed, .billingCodesListed, .integrationReset,
            .driftReported:
            return true
        case .connectionDiagnosed: return self["data"]?["healthy"] == true
        default: return false
        }
    }
}
