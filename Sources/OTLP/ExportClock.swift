/// Elapsed time, as the exporter sees it; tests bring their own.
package protocol ExportClock: Sendable {
    /// Since any moment.
    var elapsed: Duration { get }

    /// - Throws: `CancellationError`.
    func sleep(for duration: Duration) async throws
}

package struct SystemExportClock: ExportClock {
    private let start = ContinuousClock.now

    package init() {}

    package var elapsed: Duration { .now - start }

    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
