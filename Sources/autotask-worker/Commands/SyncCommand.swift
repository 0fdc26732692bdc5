import ArgumentParser
import Contract
import Store

/// `sync …`: the record of a sync, or of any other job.
struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Shows the record of a sync.",
        discussion: "Example: autotask-worker sync show 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11",
        subcommands: [Show.self]
    )

    struct Show: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one sync: its request, each attempt with its calls to Autotask, and its result.",
            discussion: """
                Jobs of any kind can be shown. Calls are listed with method, path, status and time, without their content. A reset of the \
                integration erases requests and calls of its jobs; otherwise they are erased after HISTORY_DAYS.

                Example: autotask-worker sync show 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11 --tenant msp-4711 --json
                """
        )
        @Argument(help: "The job's id.") var id: String
        @Option(help: ArgumentHelp("The job's tenant; needed if several tenants have a job with this id.", valueName: "tenant"))
        var tenant: String?
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> JobRecord {
            guard let id = JobID(id) else {
                throw Failure(.usage, "That is not a job's id.", hint: "An id has up to 128 letters, digits, '.', '_', ':' and '-'.")
            }
            let tenant = try tenant.map { try TenantID(argument: $0) }
            let records = try await OpenStore.using(settings) { try await $0.jobs(named: id, of: tenant) }
            guard let record = records.first else {
                throw Failure(
                    .no,
                    "The store knows no job \(id)\(tenant.map { " of \($0)" } ?? "").",
                    hint: "Ids are remembered for 400 days. See autotask-worker tenant show TENANT for the latest."
                )
            }
            guard records.count == 1 else {
                let tenants = records.map(\.lane.tenant.description).joined(separator: ", ")
                throw Failure(.no, "Several tenants have a job \(id): \(tenants).", hint: "Name one with --tenant.")
            }
            return record
        }
    }
}
