import ArgumentParser

/// `dead-letters …`: what was given up on, and what can be done about it.
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Shows what was given up on, and enters copies of jobs.",
        discussion: """
            The store keeps what the worker gave up on: jobs whose attempts are spent or that interrupted it too often, and messages that it
            refused. What the broker gave up on lies in its own queue, from where 'collect' brings it into the store. Bodies of messages and
            credentials are never kept.

            Example: autotask-worker dead-letters list
            """,
        subcommands: [List.self, Show.self, Collect.self, Redrive.self, Purge.self]
    )
}
