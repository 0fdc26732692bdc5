import Foundation

extension String {
    /// A plan's id in its one form, Unicode's normalization form C: Swift compares texts by their characters, SQLite and the ownership marker by
    /// their bytes.
    package var normalizedPlanID: String { utf8.allSatisfy { $0 < 0x80 } ? self : precomposedStringWithCanonicalMapping }
}
