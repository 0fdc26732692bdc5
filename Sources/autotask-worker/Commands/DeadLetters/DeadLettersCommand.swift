import ArgumentParser

/// `dead-letters …`: jobs and messages that were given up on.
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Shows jobs and messages that were given up on, and enters copies of jobs.",
        discussion: """
            The store keeps what the worker gave up on: jobs whose attempts are spent or that interrupted it too often, and messages that it
            refused. Messages that the broker gave up on are in its own queue; 'collect' moves them into the store. Bodies of messages and
            credentials are never kept.

            Example: autotask-worker dead-letters list
            """,
        subcommands: [List.self, Show.self, Collect.self, Redrive.self, Purge.self]
    )
}
