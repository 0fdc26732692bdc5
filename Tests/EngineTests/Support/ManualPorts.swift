import Contract
import Synchronization

@testable import Engine

/// A clock that stands still until a test moves it.
final class ManualClock: EngineClock {
    private let moment: Mutex<Timestamp>

    init(_ moment: Timestamp) { self.moment = Mutex(moment) }

    var now: Timestamp { moment.withLock { $0 } }

    func advance(by duration: Duration) { moment.withLock { $0 = $0 + duration } }

    /// Sleeping takes no time: the clock jumps to the moment.
    func sleep(until moment: Timestamp) async { self.moment.withLock { $0 = max($0, moment) } }
}

/// A random generator that is the same in every run.
final class SeededEntropy: Entropy {
    private let count = Mutex(0)

    func eventID() -> String {
        count.withLock {
            $0 += 1
            return "event-\($0)"
        }
    }

    func fraction() -> Double { 0.5 }
}

/// Keeps what it receives.
final class RecordingSink: EventSink {
    private let events = Mutex<[OrderedEvent]>([])

    var offered: [OrderedEvent] { events.withLock { $0 } }

    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer] {
        self.events.withLock { $0 += events }
        return events.map { _ in .confirmed }
    }

    func offer(_ event: OrderedEvent, answered: @escaping @Sendable (BrokerAnswer) -> Void) { events.withLock { $0.append(event) } }
}
