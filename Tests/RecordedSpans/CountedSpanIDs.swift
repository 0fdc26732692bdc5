import Synchronization
import Telemetry

/// Ids from 1.
package final class CountedSpanIDs: SpanIDs {
    private let last = Atomic<UInt64>(0)

    package init() {}

    package func spanID() -> UInt64 { last.add(1, ordering: .relaxed).newValue }
}

/// A clock that each reading advances by one step.
package final class CountedClock: Sendable {
    private let last: Atomic<UInt64>
    private let step: UInt64

    package init(_ start: UInt64 = 1000, step: UInt64 = 1) {
        last = Atomic(start)
        self.step = step
    }

    package var read: @Sendable () -> UInt64 { { self.last.wrappingAdd(self.step, ordering: .relaxed).newValue } }
}
