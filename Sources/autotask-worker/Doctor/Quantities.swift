import SQLiteStore

extension Duration {
    /// A rough duration, such as an age: `40 s`, `12 min`, `5 h`, `3 days`.
    var inWords: String {
        switch abs(components.seconds) {
        case ..<120: "\(components.seconds) s"
        case ..<7200: "\(components.seconds / 60) min"
        case ..<172_800: "\(components.seconds / 3600) h"
        default: "\(components.seconds / 86_400) days"
        }
    }
}

extension Int64 {
    /// A number of bytes: `512 KiB`, `3 MiB`.
    var inMebibytes: String { self < 1 << 20 ? "\(self / 1024) KiB" : "\(self >> 20) MiB" }
}

extension Int {
    /// `1 job`, `2 jobs`.
    func of(_ noun: String) -> String { self == 1 ? "1 \(noun)" : "\(self) \(noun)s" }
}

extension StoreInspection.Occurrences {
    /// `msp-1/workplace, msp-2/workplace and 7 more`.
    var text: String {
        examples.joined(separator: ", ") + (count > examples.count ? " and \(count - examples.count) more" : "")
    }
}
