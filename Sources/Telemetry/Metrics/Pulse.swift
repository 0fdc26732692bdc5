import Synchronization

/// Shows whether a loop goes on: it turns once for each round, and rests while it may wait for others for as long as it takes.
package final class Pulse: Sendable {
    /// The loops of a worker.
    package enum Loop: String, MetricLabel {
        case storeWriter = "store_writer"
        case http
        case consumer = "amqp_consumer"
        case publisher = "amqp_publisher"
        case intake
        case lanes
        case outbox
        case lease

        package static var metricLabel: String { "loop" }
    }

    /// The start of the last turn, in nanoseconds of the continuous clock since ``start``; a negative number while it rests.
    private let turned = Atomic<Int64>(-1)
    private static let start = ContinuousClock.now

    package init() {}

    /// A round begins.
    package func turn() { turned.store((.now - Pulse.start).nanoseconds, ordering: .relaxed) }

    /// The loop waits for something that may never come, such as a message.
    package func rest() { turned.store(-1, ordering: .relaxed) }

    /// How long the present round has taken; 0 while the loop rests.
    package var age: Duration {
        let turned = turned.load(ordering: .relaxed)
        return turned < 0 ? .zero : max(.now - Pulse.start - .nanoseconds(turned), .zero)
    }
}

/// The pulses of all loops of a worker.
package struct Pulses: Sendable {
    /// A loop that takes longer than this for a round is stuck: no round waits for Autotask or the broker, and every other wait is shorter.
    package static let limit: Duration = .seconds(60)

    private let pulses: [Pulse.Loop: Pulse]

    package init() { pulses = Dictionary(uniqueKeysWithValues: Pulse.Loop.allCases.map { ($0, Pulse()) }) }

    package subscript(loop: Pulse.Loop) -> Pulse { pulses[loop]! }
}
