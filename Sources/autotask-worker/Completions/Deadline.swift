/// A limit on the time of work.
enum Deadline {
    /// The result of `work`, or `nil` when the time is over. Work that still runs then is cancelled and abandoned: it may not end.
    static func value<Value: Sendable>(within limit: Duration, _ work: @escaping @Sendable () async -> Value) async -> Value? {
        let (results, first) = AsyncStream.makeStream(of: Value?.self)
        let working = Task { first.yield(await work()) }
        let clock = Task {
            try await Task.sleep(for: limit)
            first.yield(nil)
        }
        defer {
            working.cancel()
            clock.cancel()
        }
        for await result in results { return result }
        return nil
    }
}
