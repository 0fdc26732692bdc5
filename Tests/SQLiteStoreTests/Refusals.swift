import Contract
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// Expects a refusal.
///
/// - Parameter advice: a part of the message.
func expectRefused(
    _ code: StoreError.Code,
    _ advice: String,
    _ location: SourceLocation = #_sourceLocation,
    _ operation: () async throws -> Void
) async {
    let error = await #expect(throws: StoreError.self, sourceLocation: location) { try await operation() }
    #expect(error?.code == code, sourceLocation: location)
    #expect(error?.message.contains(advice) == true, "\(error.map(String.init(describing:)) ?? "")", sourceLocation: location)
}

extension SQLiteStore {
    /// A store on which a worker runs.
    static func joined(_ path: String, at now: Timestamp = .start) async throws -> SQLiteStore {
        let store = try await SQLiteStore(path: path, auditing: .bench)
        _ = try await store.join(.one, until: now + .seconds(15), at: now)
        return store
    }

    /// Simulates the end of the worker's process.
    func abandon(at now: Timestamp = .start) async throws {
        _ = try await renew(.one, until: .start, at: now)
        await close()
    }
}
