import Autotask
import Contract
import HTTP
import Synchronization

/// How far the worker's clock is ahead of Autotask's, from the `Date` of its answers.
///
/// An answer's date has whole seconds, and its way takes time, so the offset is right to about a second. One answer a second counts. The
/// median of some answers is not moved by a gateway whose own clock is wrong.
final class ClockOffset: Sendable {
    private struct Samples {
        var offsets: [Duration] = []
        var lastAt: ContinuousClock.Instant?
    }

    /// How many answers count.
    private static let count = 20
    private static let pause: Duration = .seconds(1)

    private let samples = Mutex(Samples())

    /// - Parameter now: the worker's time when the answer had arrived.
    func note(_ response: HTTPResponse, at now: Timestamp, on clock: ContinuousClock.Instant = .now) {
        let isDue = samples.withLock { samples in
            if let last = samples.lastAt, clock - last < ClockOffset.pause { return false }
            samples.lastAt = clock
            return true
        }
        guard isDue, let there = response.header("date").flatMap({ Timestamp(httpDate: $0) }) else { return }
        samples.withLock { samples in
            if samples.offsets.count == ClockOffset.count { samples.offsets.removeFirst() }
            // The date was cut to the second: on average it lacks half of one.
            samples.offsets.append(now - there - .milliseconds(500))
        }
    }

    /// `nil` before the first answer.
    var median: Duration? {
        samples.withLock { samples in
            let sorted = samples.offsets.sorted()
            return sorted.isEmpty ? nil : sorted[sorted.count / 2]
        }
    }
}
