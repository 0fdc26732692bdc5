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
                Jobs of any kind can be shown, as 'job show' does. Calls are listed with method, path, status and time, without their content. \
                A reset of the integration erases requests and calls of its jobs; otherwise they are erased after HISTORY_DAYS.

                Example: autotask-worker sync show 0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11 --tenant msp-4711 --json
                """
        )
        @OptionGroup var job: JobRecordArguments
        static let isLong = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> JobRecord { try await job.record(settings) }
    }
}
