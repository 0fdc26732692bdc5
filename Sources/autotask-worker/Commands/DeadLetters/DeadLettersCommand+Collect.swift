import ArgumentParser
import Contract
import Store
import Synchronization

extension DeadLettersCommand {
    struct Collect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings what the broker gave up on into the store.",
            discussion: """
                Takes all messages of the queue autotask.dead, keeps of each what can be shown, and acknowledges it then. Of a valid job its data is
                kept too, sealed with the key ring as for any accepted job, so that dead-letters redrive can enter it. Needs a broker user
                that may read the queue.

                Example: AMQP_URL=amqp://operator:…@broker/ autotask-worker dead-letters collect
                """
        )
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            Terminal.endsOnlyWhenDone()
            let settings = try await Configuration(settings)
            let vault = try await settings.vault
            let store = try await OpenStore(settings).store
            let recorded = Mutex(0)
            let collected = try await DeadQueue(Broker(settings: settings), vault: vault).collect(at: SystemTime.now) { letters in
                let count = try await store.record(letters)
                recorded.withLock { $0 += count }
            }
            await store.close()
            let new = recorded.withLock { $0 }
            if json {
                Terminal.line(["collected": JSON(collected), "recorded": JSON(new)])
            } else {
                Terminal.line("Collected \(collected) messages, \(new) of them new.")
            }
        }
    }
}
