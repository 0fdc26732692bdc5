/// Something in a store that this program cannot read: a word that it does not know, or a name that it would not have written. It is set aside
/// with its lane, and all others go on.
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
