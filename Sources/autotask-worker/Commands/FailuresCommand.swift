import ArgumentParser
import Contract
import Store

/// `failures`: what fails across all tenants.
struct FailuresCommand: OutputCommand, WatchedCommand {
    static let configuration = CommandConfiguration(
        commandName: "failures",
        abstract: "Counts failed jobs of all tenants by error and kind.",
        discussion: """
            Each line has the number of jobs, the number of tenants, the times of the first and the last job, and who can fix the cause. A line \
            is new if no such job failed in the day before. Jobs that a newer request replaced are not counted.

            Example: autotask-worker failures --since 7d
            """
    )
    @Option(help: ArgumentHelp("Count from this moment on: a date-time, or 30m, 24h or 7d ago.", valueName: "time")) var since = "24h"
    @OptionGroup var watch: WatchOptions
    @OptionGroup var output: OutputOptions

    func result(_ settings: Configuration) async throws -> FailureListing {
        let since = try Timestamp(since: since, now: SystemTime.now)
        let listing = FailureListing(failures: try await OpenStore.using(settings) { try await $0.failures(since: since) })
        if let rest = listing.rest { output.warn(rest) }
        return listing
    }
}
