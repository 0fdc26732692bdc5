import ServiceLifecycle

extension CurlTransport: Service {
    /// Runs until the graceful shutdown or the task's cancellation.
    ///
    /// - Throws: ``HTTPError`` if libcurl has failed as a whole: the worker then cannot continue.
    package func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await waitUntilEnded()
        } onCancelOrGracefulShutdown: {
            self.requestShutdown()
        }
    }
}
