import ArgumentParser
import Contract
import Store
import Synchronization

extension DeadLettersCommand {
    struct Collect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings what the broker gave up on into the store, without its body.",
            discussion: """
                Takes all that lies in the queue autotask.dead, keeps of each message what can be shown, and acknowledges it then. Needs a
                broker user that may read the queue.

                Example: AMQP_URL=amqp://operator:…@broker/ autotask-worker dead-letters collect
                """
        )
        @Flag(help: "Print JSON.") var json = false
        @OptionGroup(title: "Settings") var settings: SettingsOptions

        func run() async throws {
            let settings = try await Settings(settings)
            let store = try await OpenStore(settings).store
            let recorded = Mutex(0)
            let collected = try await DeadQueue(Broker(settings: settings)).collect(at: SystemTime.now) { letters in
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
