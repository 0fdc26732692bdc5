import ArgumentParser
import Contract
import FoundationEssentials

/// `job …`: publishes a job as a portal would, with the portal's own broker user.
struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job",
        abstract: "Publishes a job as a portal would.",
        discussion: """
            The job's data comes from --data FILE, or from the options of its kind. With --wait, the terminal event is printed and the exit \
            code is 0 or 1 by it.

            Example: autotask-worker job sync --tenant msp-4711 --data seeds/jobs/sync.json --wait
            """,
        subcommands: [Connect.self, Sync.self, Reset.self, BillingCodes.self, Preview.self, Verify.self, Drift.self]
    )

    struct Connect: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Connects a tenant to its Autotask account.",
            discussion: """
                Clear credentials, from --username and --secret-file, are accepted only by a worker that runs with DEVELOPMENT=1; a portal seals them.

                Example: autotask-worker job connect --tenant msp-4711 --username api@msp.example --secret-file secret.txt --wait
                """
        )
        static let kind = JobKind.connect
        @OptionGroup var job: JobOptions
        @Option(help: ArgumentHelp("The API user's name.", valueName: "name")) var username: String?
        @Option(help: ArgumentHelp("A file that holds the API user's secret; - reads standard input.", valueName: "path")) var secretFile:
            String?
        @Option(help: ArgumentHelp("When the tenant configured the integration first.", valueName: "date-time")) var firstConfiguredAt:
            String?
        @Flag(help: "Credentials of another Autotask database are meant.") var allowDatabaseChange = false

        func complete(_ data: inout JSONObject) throws {
            if let username {
                guard let secretFile else {
                    throw Failure(
                        .usage,
                        "--username needs --secret-file.",
                        hint: "A secret on the command line would be visible to others."
                    )
                }
                var secret = String(decoding: try InputFile(path: secretFile).bytes(), as: UTF8.self)
                if secret.hasSuffix("\n") { secret.removeLast() }
                data["credentials"] = ["username": .string(username), "secret": .string(secret)]
            }
            if let firstConfiguredAt { data["firstConfiguredAt"] = .string(firstConfiguredAt) }
            if allowDatabaseChange { data["allowDatabaseChange"] = true }
        }
    }

    struct Sync: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Transfers all services of a plan to Autotask.",
            discussion: "Example: autotask-worker job sync --tenant msp-4711 --data seeds/jobs/sync.json --wait"
        )
        static let kind = JobKind.sync
        @OptionGroup var job: JobOptions
    }

    struct Reset: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Erases a tenant's integration. Nothing is changed in Autotask.",
            discussion: "Example: autotask-worker job reset --tenant msp-4711 --confirm --wait"
        )
        static let kind = JobKind.reset
        @OptionGroup var job: JobOptions
        @Flag(help: "The reset is meant.") var confirm = false
        @Option(help: ArgumentHelp("Why, for the record.", valueName: "text")) var reason: String?

        func complete(_ data: inout JSONObject) {
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
        @Flag(help: "Ask Autotask although what is remembered is fresh.") var refresh = false

        func complete(_ data: inout JSONObject) {
            if refresh { data["refresh"] = true }
        }
    }

    struct Preview: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what a sync would do (not yet supported by the worker).",
            discussion: "Example: autotask-worker job preview --tenant msp-4711 --data seeds/jobs/sync.json --wait"
        )
        static let kind = JobKind.preview
        @OptionGroup var job: JobOptions
    }

    struct Verify: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks a connection (not yet supported by the worker).",
            discussion: "Example: autotask-worker job verify --tenant msp-4711 --wait"
        )
        static let kind = JobKind.verify
        @OptionGroup var job: JobOptions
    }

    struct Drift: JobSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Reports what differs in Autotask (not yet supported by the worker).",
            discussion: "Example: autotask-worker job drift --tenant msp-4711 --wait"
        )
        static let kind = JobKind.drift
        @OptionGroup var job: JobOptions
    }
}

/// What the jobs of all kinds have in common on the command line.
struct JobOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The tenant.", valueName: "id")) var tenant: String
    @Option(help: ArgumentHelp("workplace or fileProtection.", valueName: "name")) var product: String?
    @Option(help: ArgumentHelp("The job's id; a new one by default. Repeating an id repeats the answer, not the work.", valueName: "id"))
    var id: String?
    @Option(help: ArgumentHelp("A JSON file with the job's data; - reads standard input.", valueName: "path"), completion: .file())
    var data: String?
    @Option(help: ArgumentHelp("Not begun after this many seconds, the job expires.", valueName: "seconds")) var expiresIn: Int?
    @Flag(help: "Wait for the terminal event.") var wait = false
    @Option(help: ArgumentHelp("How long to wait.", valueName: "seconds")) var timeout: Int = 120
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup(title: "Settings") var settings: SettingsOptions
}

protocol JobSubcommand: AsyncParsableCommand {
    static var kind: JobKind { get }
    var job: JobOptions { get }

    /// Adds what the kind's own options say.
    func complete(_ data: inout JSONObject) throws
}

extension JobSubcommand {
    func complete(_ data: inout JSONObject) throws {}

    func run() async throws {
        let settings = try await Settings(job.settings)
        guard let tenant = TenantID(job.tenant) else {
            throw Failure(
                .usage,
                "\(job.tenant) is no tenant.",
                hint: "A tenant has up to 64 letters, digits, _ and -, and begins with a letter or digit."
            )
        }
        guard let id = JobID(job.id ?? UUID().uuidString.lowercased()) else {
            throw Failure(
                .usage,
                "--id has characters that are not allowed.",
                hint: "An id has up to 128 letters, digits, '.', '_', ':' and '-'."
            )
        }
        var data = try job.data.map { try InputFile(path: $0).object() } ?? JSONObject()
        if let product = job.product { data["product"] = .string(product) }
        try complete(&data)
        let request = JobRequest(
            id: id,
            tenant: tenant,
            kind: Self.kind,
            data: data,
            expiresIn: job.expiresIn.map { .seconds($0) },
            time: SystemTime.now
        )

        let answer = try await PortalConnection(settings).publish(request, awaitingAnswer: job.wait ? .seconds(job.timeout) : nil)
        guard let answer else {
            Terminal.line(
                job.json ? String(decoding: (["jobId": .string(id.description)] as JSON).encoded, as: UTF8.self) : "Published job \(id)."
            )
            return
        }
        if job.json {
            Terminal.line(String(decoding: answer.encoded, as: UTF8.self))
        } else {
            EventText(event: answer).lines.forEach(Terminal.line)
        }
        if !answer.isGoodNews { throw ExitCode(Failure.Status.no.rawValue) }
    }
}

extension JSON {
    /// Whether a terminal event says that the job did what it was asked for.
    fileprivate var isGoodNews: Bool {
        guard let type = self["type"]?.string.flatMap({ EventType(rawValue: String($0.dropFirst("autotask.".count))) }) else {
            return false
        }
        switch type {
        case .connectionEstablished, .connectionVerified, .syncSucceeded, .syncPreviewed, .billingCodesListed, .integrationReset,
            .driftReported:
            return true
        default: return false
        }
    }
}
