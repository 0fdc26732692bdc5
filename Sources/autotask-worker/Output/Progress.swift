import ArgumentParser
import Contract
import Glibc
import Synchronization

/// The option of commands that may take minutes.
struct ProgressOptions: ParsableArguments {
    @Flag(help: "Do not show the progress.") var quiet = false

    /// - Parameters:
    ///   - things: what is counted, such as `rows`.
    ///   - total: their number; `nil` while it is not known.
    func progress(_ things: String, of total: Int? = nil) -> Progress { Progress(things, of: total, isShown: !quiet) }
}

/// The progress of a command on standard error: a bar on a terminal, otherwise a line every 10 s. Standard output stays the result's.
final class Progress: Sendable {
    private struct State {
        var report: ProgressReport
        var pace: ProgressPace
        var isDrawn = false
    }

    /// The width of the terminal; `nil` for a file or a pipe.
    private let width: Int?
    private let isShown: Bool
    private let state: Mutex<State>

    init(_ things: String, of total: Int?, isShown: Bool) {
        width = Terminal.errorWidth
        self.isShown = isShown
        let pace = width == nil ? ProgressPace(every: .seconds(10)) : ProgressPace(every: .milliseconds(100), after: .milliseconds(300))
        state = Mutex(State(report: ProgressReport(things: things, total: total), pace: pace))
    }

    /// Notes how many are done, and their number if it is known now.
    func update(_ done: Int, of total: Int? = nil) {
        state.withLock { state in
            state.report.done = done
            if let total { state.report.total = total }
            let elapsed = state.pace.elapsed
            guard isShown, state.pace.isDue(at: elapsed) else { return }
            if let width {
                Terminal.ask("\r\(state.report.bar(after: elapsed, width: width))\u{1B}[K")
                state.isDrawn = true
            } else {
                Terminal.ask(state.report.line(after: elapsed) + "\n")
            }
        }
    }

    /// Removes the bar, so that another line can take its place.
    func clear() {
        state.withLock { state in
            guard state.isDrawn else { return }
            Terminal.ask("\r\u{1B}[K")
            state.isDrawn = false
        }
    }
}

/// When the progress is shown next.
struct ProgressPace {
    private let start = ContinuousClock.now
    private let interval: Duration
    private var next: Duration

    /// - Parameters:
    ///   - interval: the time between two reports.
    ///   - delay: the time before the first report, for work that is done at once.
    init(every interval: Duration, after delay: Duration? = nil) {
        self.interval = interval
        next = delay ?? interval
    }

    var elapsed: Duration { .now - start }

    mutating func isDue(at elapsed: Duration) -> Bool {
        guard elapsed >= next else { return false }
        next = elapsed + interval
        return true
    }
}

/// How much is done, how fast, and how long the rest takes at that rate.
struct ProgressReport {
    let things: String
    var total: Int?
    var done = 0

    init(things: String, total: Int? = nil, done: Int = 0) {
        self.things = things
        self.total = total
        self.done = done
    }

    /// `1200 of 10000 rows, 400/s, 22 s left`.
    func line(after elapsed: Duration) -> String {
        let count = total.map { "\(min(done, $0)) of \($0) \(things)" } ?? "\(done) \(things)"
        let seconds = Double(elapsed.wholeMilliseconds) / 1000
        guard seconds > 0, done > 0 else { return count }
        let rate = Double(done) / seconds
        let rest = total.map { Double(max($0 - done, 0)) / rate }
        let speed = rate >= 10 ? "\(Int(rate))/s" : "\(Double(Int(rate * 10)) / 10)/s"
        return [count, speed, rest.map { "\(ProgressReport.time($0)) left" }].compactMap { $0 }.joined(separator: ", ")
    }

    /// The line after a bar, if both fit into the width.
    func bar(after elapsed: Duration, width: Int) -> String {
        let line = line(after: elapsed)
        let size = min(width - line.displayWidth - 11, 40)
        guard let total, total > 0, size >= 5 else { return String(line.prefix(max(width - 1, 0))) }
        let share = min(Double(done) / Double(total), 1)
        let filled = Int(share * Double(size))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: size - filled)
        let percent = "\(Int(share * 100))"
        return bar + String(repeating: " ", count: 5 - percent.count) + percent + " %  " + line
    }

    private static func time(_ seconds: Double) -> String {
        let seconds = Int(min(seconds, 1e9).rounded(.up))
        switch seconds {
        case ..<100: return "\(seconds) s"
        case ..<6000: return "\(seconds / 60) min"
        default: return "\(seconds / 3600) h"
        }
    }
}
