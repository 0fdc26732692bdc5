import Confinement
import Store

/// Runs one piece of work on a file on its own thread, because it waits for the disk and possibly for another process.
enum StoreThread {
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws(StoreError) -> Value) async throws(StoreError) -> Value {
        try await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            do throws(ConfinementError) {
                try ConfinedThread.start(name: "store-file") { continuation.resume(returning: Result(catching: body)) }
            } catch {
                continuation.resume(returning: .failure(StoreError(noThread: error)))
            }
        }.get()
    }
}

extension StoreError {
    init(noThread error: ConfinementError) {
        self.init(.unavailable, "The store's thread cannot be started. \(error)")
    }
}
