import ArgumentParser
import Contract
import Store
import Synchronization

extension DeadLettersCommand {
    struct Collect: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves messages that the broker gave up on into the store.",
            discussion: """
                Takes all messages from the queue autotask.dead, keeps a redacted record of each, and then acknowledges it. It also keeps the data of
                a valid job, sealed with the key ring like that of an accepted job, so that 'dead-letters redrive' can enter it. Needs a
                broker user that may read the queue.

                Example: AMQP_URL=amqp://operator:…@broker/ autotask-worker dead-letters collect
                """
        )
        static let changesSomething = true
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let vault = try await settings.vault
            return try await OpenStore.using(settings) { store in
                let recorded = Mutex(0)
                let collected = try await DeadQueue(Broker(settings: settings), vault: vault).collect(at: SystemTime.now) { letters in
                    let count = try await store.record(letters)
                    recorded.withLock { $0 += count }
                }
                let new = recorded.withLock { $0 }
                return Outcome(["collected": collected, "recorded": new], "Collected \(collected) messages, \(new) of them new.")
            }
        }
    }
}
