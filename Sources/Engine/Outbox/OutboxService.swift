import ServiceLifecycle

/// Runs the outbox until the program shuts down, and then until it is empty.
struct OutboxService: Service {
    let outbox: Outbox

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await outbox.run()
        } onGracefulShutdown: {
            outbox.drain()
        }
    }
}
