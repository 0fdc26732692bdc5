import ArgumentParser
import Contract
import Store

/// `sync …`: what became of a sync, or of any other job.
struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Shows what became of a sync.",
        discussion: "Example: autotask-worker sync show 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11",
        subcommands: [Show.self]
    )

    struct Show: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one sync: what was asked, each attempt with its calls to Autotask, and what was done.",
            discussion: """
                Any job's id is good, whatever its kind. Calls are told by method, path, status and time, without what was sent. A reset of the \
                integration erases what is told of its jobs, and so does time (HISTORY_DAYS).

                Example: autotask-worker sync show 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11 --tenant msp-4711 --json
                """
        )
        @Argument(help: "The job's id.") var id: String
        @Option(help: ArgumentHelp("Whose job it is; needed where several tenants have one with this id.", valueName: "tenant"))
        var tenant: String?
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> JobRecord {
            guard let id = JobID(id) else {
                throw Failure(.usage, "That is no job's id.", hint: "An id has up to 128 letters, digits, '.', '_', ':' and '-'.")
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
