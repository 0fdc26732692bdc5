import ArgumentParser
import Contract
import SQLiteStore
import Store
import Vault

extension DeadLettersCommand {
    struct Purge: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes dead letters, redriven or not.",
            discussion: """
                The kept data of their jobs is deleted too: such a job can only be published again. Dead letters that are named by id are deleted
                at once. Otherwise the command asks on a terminal, and needs --yes without one. Exit code 1 means that some ids name no
                dead letter.

                With --background, a running worker does it in small steps, also after a restart: see 'autotask-worker operation'.

                Example: autotask-worker dead-letters purge --before 2026-11-01T00:00:00Z
                """
        )
        @OptionGroup var choice: LetterChoice
        @Option(help: ArgumentHelp("Only dead letters from before this moment.", valueName: "date-time")) var before: String?
        @Option(
            help: ArgumentHelp(
                "With --background: delete at most this many a second; \(BackgroundOrder.purgeRate) by default.",
                valueName: "count"
            )
        ) var rate: Double?
        @OptionGroup var background: BackgroundOptions
        @OptionGroup var confirmation: Confirmation
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard rate == nil || background.background else { throw ValidationError("--rate needs --background.") }
        }

        func result(_ settings: Configuration) async throws -> Outcome {
            let moment = try before.map { text in
                guard let moment = Timestamp(text) else {
                    throw Failure(.usage, "\(text) is not a date-time of RFC 3339.", hint: "Write it as 2026-11-01T00:00:00Z.")
                }
                return moment
            }
            let selection = try choice.selection(before: moment)
            return try await PairedStore.using(settings) { store, _ in
                let reach = try await store.reach(of: selection)
                if confirmation.dryRun { return outcome(["dryRun": true, "purged": 0, "wouldBePurged": JSON(reach.count)], reach) }
                let rate = rate ?? Double(BackgroundOrder.purgeRate)
                let order = background.background ? try BackgroundOrder(.purge, of: reach, rate: rate) : nil
                if choice.ids.isEmpty {
                    try confirmation.ask("\(reach.count.of("dead letter")) will be deleted, with the data of their jobs.")
                }
                if let order { return try await order.begun(in: store) }
                // The confirmation does not cover dead letters that arrive during the question.
                var confirmed = selection
                confirmed.upTo = reach.last
                let count = try await store.purgeLetters(confirmed, by: .caller, at: SystemTime.now)
                return outcome(["purged": JSON(count)], reach, deleted: count)
            }
        }

        private func outcome(_ members: JSONObject, _ reach: LetterReach, deleted: Int? = nil) -> Outcome {
            var outcome = Outcome([:], failure: reach.failure)
            outcome.json = .members(["missing": reach.missing]) + .object(members)
            outcome.lines =
                reach.missingLines
                + [deleted.map { "\($0.of("dead letter")) deleted." } ?? "\(reach.count.of("dead letter")) would be deleted."]
            return outcome
        }
    }
}
