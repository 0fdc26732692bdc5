import Foundation

extension String {
    /// A plan's id in Unicode's normalization form C. Swift compares texts by their characters, but SQLite and the ownership marker compare
    /// bytes.
    package var normalizedPlanID: String { utf8.allSatisfy { $0 < 0x80 } ? self : precomposedStringWithCanonicalMapping }
}
