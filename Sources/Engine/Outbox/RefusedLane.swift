import Contract
import Store

/// A lane with an event that the broker refused. That event is tried again alone, at growing intervals. Later events of the lane wait in
/// the store.
struct RefusedLane {
    /// How the broker refuses.
    enum Refusal: Hashable, Sendable {
        /// It rejects only this event.
        case answer
        /// It closes the channel, and every event under way has to be published again: so this event is retried alone.
        case closing(reason: String)

        var isClosing: Bool { self != .answer }
    }

    /// The pause of a lane after a refusal. With each trial, every other queue gets the event again.
    struct Pause {
        static let first: Duration = .milliseconds(500)
        static let longest: Duration = .seconds(30)

        let duration: Duration
        let end: Timestamp

        /// Whether another refusal would have the same cause. Otherwise a queue with room for single events would get a whole batch each
        /// time.
        func isRecent(at now: Timestamp) -> Bool { now < end + Pause.longest }
    }

    /// The first event of the lane, which is tried again.
    let first: OutboxEntry
    private(set) var refusal: Refusal
    private(set) var pause: Pause
    /// When the lane was held back.
    let since: Timestamp
    /// Whether the store holds events that follow it.
    var hasMore = false

    /// - Parameter previous: the lane's last pause, when it was refused before.
    init(first: OutboxEntry, _ refusal: Refusal, after previous: Pause?, at now: Timestamp) {
        self.first = first
        self.refusal = refusal
        since = now
        let isRecent = previous?.isRecent(at: now) ?? false
        pause = RefusedLane.pause(after: isRecent ? previous : nil, at: now)
    }

    mutating func refuse(_ refusal: Refusal, at now: Timestamp) {
        self.refusal = refusal
        pause = RefusedLane.pause(after: pause, at: now)
    }

    private static func pause(after previous: Pause?, at now: Timestamp) -> Pause {
        let duration = previous.map { min($0.duration * 2, Pause.longest) } ?? Pause.first
        return Pause(duration: duration, end: now + duration)
    }
}
