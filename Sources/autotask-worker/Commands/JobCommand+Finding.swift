import ArgumentParser
import Contract
import Store

extension JobCommand {
    struct List: OutputCommand, WatchedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists jobs of all tenants, the newest first.",
            discussion: """
                Jobs are listed by the time of their acceptance; with --code or --state failed, by the time of their end. The command looks at a \
                limited number of jobs, says how far it looked, and prints the option with which to look further. A job is retrying while it \
                waits for another attempt. It failed if it ended with an error, and no newer request replaced it. Scheduled checks are not listed.

                Example: autotask-worker job list --tenant msp-4711 --state failed --since 7d
                """
        )
        @OptionGroup(title: "Selection") var filter: JobFilter
        @Option(help: ArgumentHelp("Show at most this many jobs.", valueName: "count")) var limit = 50
        @Option(help: ArgumentHelp("Go on before this place, as an earlier list printed it.", valueName: "cursor")) var before: String?
        @Option(help: ArgumentHelp("Look at this many jobs at most; 10000, or 100000 failed ones, by default.", valueName: "count"))
        var look: Int?
        @OptionGroup var watch: WatchOptions
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> JobListing {
            let selection = try filter.selection(at: SystemTime.now)
            let reach = look ?? JobFinding.reach(selection.order)
            guard limit > 0, reach > 0 else { throw Failure(.usage, "The limit is not a positive number.") }
            let cursor = try before.map { text in
                guard let cursor = JobCursor(text), (cursor.endedAt != nil) == (selection.order == .end) else {
                    throw Failure(.usage, "\(text) is no place in this list.", hint: "Use what the same selection printed after --before.")
                }
                return cursor
            }
            let finding = try await OpenStore.using(settings) {
                try await $0.jobs(selection, before: cursor, limit: limit, looking: reach)
            }
            let listing = JobListing(finding: finding)
            if let rest = listing.rest, finding.jobs.count < limit { output.warn(rest) }
            return listing
        }
    }

    struct Show: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one job: its request, each attempt with its calls to Autotask, and its result.",
            discussion: """
                Calls are listed with method, path, status and time, without their content. A reset of the integration erases requests and calls \
                of its jobs; otherwise they are erased after HISTORY_DAYS.

                Example: autotask-worker job show 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11 --tenant msp-4711 --json
                """
        )
        @OptionGroup var job: JobRecordArguments
        static let isLong = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> JobRecord { try await job.record(settings) }
    }
}

extension JobSelection.State: ExpressibleByArgument {}

/// The selection of jobs.
struct JobFilter: ParsableArguments {
    @Option(help: ArgumentHelp("Only jobs of this tenant.", valueName: "id")) var tenant: String?
    @Option(help: ArgumentHelp("Only jobs of this product: workplace or fileProtection.", valueName: "name")) var product: String?
    @Option(help: "Only jobs in this state.") var state: JobSelection.State?
    @Option(help: ArgumentHelp("Only jobs of this kind, such as sync.", valueName: "kind")) var kind: String?
    @Option(
        help: ArgumentHelp("Only jobs that ended with this error; with --state retrying, that wait because of it.", valueName: "code")
    ) var code: String?
    @Option(help: ArgumentHelp("Only jobs that this broker user published.", valueName: "user")) var publisher: String?
    @Option(help: ArgumentHelp("Only jobs from this moment on: a date-time, or 30m, 24h or 7d ago.", valueName: "time")) var since: String?

    func selection(at now: Timestamp) throws -> JobSelection {
        JobSelection(
            tenant: try tenant.map { try TenantID(argument: $0) },
            product: try product.map { try Product(argument: $0) },
            state: state,
            kind: try kind.map { try JobKind(argument: $0) },
            code: try code.map { try ErrorCode(argument: $0) },
            publisher: publisher,
            since: try since.map { try Timestamp(since: $0, now: now) }
        )
    }
}
