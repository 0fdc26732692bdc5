import Contract
import Synchronization

/// The history of a run, in order: printed when the run breaks an invariant.
final class Timeline: Sendable {
    private let lines = Mutex<[String]>([])

    /// - Returns: its position.
    @discardableResult
    func note(_ now: Timestamp, _ who: String, _ what: String) -> Int {
        lines.withLock { lines in
            lines.append("\(now)  \(who): \(what)")
            return lines.count
        }
    }

    var text: String { lines.withLock { $0.joined(separator: "\n") } }
}
