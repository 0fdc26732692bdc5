import Contract

/// What a list leaves out, and how to see it.
struct Rest {
    /// Each fits a terminal of 80 columns.
    let lines: [String]

    init(_ lines: String...) { self.lines = lines }

    /// - Parameters:
    ///   - looked: how many elements were looked at.
    ///   - noun: an element, such as `job`.
    ///   - time: the time of the last of them.
    ///   - next: the value of `--before`.
    init(looked: Int, _ noun: String, backTo time: Timestamp?, next: String) {
        let time = time.map { ", back to \($0)" } ?? ""
        self.init("Looked at \(looked.of(noun))\(time).", "To look further, add --before \(next)")
    }
}
