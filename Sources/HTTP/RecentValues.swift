import Synchronization

/// Values that were computed lately, by what they depend on alone. It forgets all of them when it is full.
package final class RecentValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let limit: Int
    private let values = Mutex<[Key: Value]>([:])

    package init(limit: Int) { self.limit = limit }

    /// Returns the value of a key, which `make` computes if it is not known. A failure is not remembered.
    package func value<Failure: Error>(of key: Key, _ make: () throws(Failure) -> Value) throws(Failure) -> Value {
        if let known = values.withLock({ $0[key] }) { return known }
        let made = try make()
        values.withLock { values in
            if values.count >= limit { values.removeAll(keepingCapacity: true) }
            values[key] = made
        }
        return made
    }
}
