/// A row of a store that this program cannot read: it has an unknown word, or a name that the program would not write. Its lane is set
/// aside, and all other lanes continue.
package struct SetAside: Hashable, Sendable, CustomStringConvertible {
    /// The unreadable row, and its tenant.
    package var what: String
    package var reason: String

    package init(_ what: String, because reason: String) {
        self.what = what
        self.reason = reason
    }

    package var description: String { "\(what): \(reason)" }
}
