package import Contract

/// A worker as another worker of the store sees it.
package struct OtherWorker: Hashable, Sendable {
    package var id: WorkerID
    package var leaseEnd: Timestamp
    /// Whether it is certain that its process has ended.
    package var isGone: Bool

    package init(id: WorkerID, leaseEnd: Timestamp, isGone: Bool = false) {
        self.id = id
        self.leaseEnd = leaseEnd
        self.isGone = isGone
    }

    /// Whether another worker takes over its lanes and events.
    package func isLost(at now: Timestamp) -> Bool { leaseEnd < now || isGone }
}

extension [OtherWorker] {
    /// Checks that the clock of a joining worker is not behind those of the others.
    ///
    /// - Parameter lease: the end of its own lease.
    /// - Throws: ``StoreError/Code/clockBehind``.
    package func checkClocks(joiningUntil lease: Timestamp) throws(StoreError) {
        for other in self where !other.isGone && other.leaseEnd > lease + Clocks.tolerance {
            throw StoreError.clockBehind(by: other.leaseEnd - lease, other.id)
        }
    }

    /// When the next lease of a worker that is not lost ends; `nil` if there is none.
    package func nextEnd(at now: Timestamp) -> Timestamp? { lazy.filter { !$0.isLost(at: now) }.map(\.leaseEnd).min() }
}
