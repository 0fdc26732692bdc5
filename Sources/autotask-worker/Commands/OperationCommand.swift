import ArgumentParser
import Contract
import SQLiteStore
import Store

/// `operation …`: redrives and purges that workers carry out in the background.
struct OperationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operation",
        abstract: "Shows and cancels redrives and purges that workers carry out in the background.",
        discussion: """
            'dead-letters redrive --background' and 'dead-letters purge --background' begin an operation. A running worker begins with it \
            within three seconds, and keeps to its rate. When the worker ends, it or another one on the same store goes on later. An \
            operation concerns only dead letters that existed when it was ordered.

            Example: autotask-worker operation list
            """,
        subcommands: [List.self, Show.self, Cancel.self]
    )

    struct List: OutputCommand, WatchedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists background operations, the newest first.",
            discussion: "Example: autotask-worker operation list --watch 2"
        )
        @Option(help: ArgumentHelp("Show at most this many operations.", valueName: "count")) var limit = 50
        @Option(help: ArgumentHelp("Only operations before this one.", valueName: "id")) var before: Int64?
        @OptionGroup var watch: WatchOptions
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Listing<LetterOperation> {
            guard limit > 0 else { throw Failure(.usage, "The limit is not a positive number.") }
            let found = try await OpenStore.using(settings) { try await $0.operations(before: before ?? .max, limit: limit) }
            var listing = Listing(elements: found, whenEmpty: "There are no background operations.")
            if found.count == limit, let last = found.last?.id, last > 1 {
                listing.rest = Rest("To list older ones, add --before \(last)")
            }
            return listing
        }
    }

    struct Show: OutputCommand, WatchedCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one background operation: its progress, its rate, and the time that is left.",
            discussion: "Example: autotask-worker operation show 7 --watch 1"
        )
        @Argument(help: "The operation, as 'list' shows it.", completion: OfferedNames.operations) var id: Int64
        @OptionGroup var watch: WatchOptions
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> LetterOperation {
            guard let operation = try await OpenStore.using(settings, { try await $0.operation(id) }) else {
                throw Failure(.no, "There is no background operation \(id).", hint: "See autotask-worker operation list.")
            }
            return operation
        }
    }

    struct Cancel: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends a background operation before its next step.",
            discussion: """
                What it has done stays done. To go on later, order it again: dead letters that were redriven are not redriven twice.

                Example: autotask-worker operation cancel 7
                """
        )
        @Argument(help: "The operation, as 'list' shows it.", completion: OfferedNames.operations) var id: Int64
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let cancelled = try await PairedStore.using(settings) { store, _ in
                try await store.cancelOperation(id, by: .caller, at: SystemTime.now)
            }
            guard let cancelled else {
                throw Failure(.no, "No background operation \(id) is under way.", hint: "See autotask-worker operation list.")
            }
            var outcome = Outcome(["operation": cancelled.json])
            outcome.lines = ["The background operation \(id) is cancelled: \(cancelled.progress)."]
            return outcome
        }
    }
}
