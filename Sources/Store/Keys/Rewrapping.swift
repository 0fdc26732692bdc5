package import Contract

/// One step of wrapping the credentials keys of all lanes anew.
package struct RewrapStep: Hashable, Sendable {
    /// The last lane that was looked at: the next step goes on behind it. `nil` when there is none behind it.
    package var last: Lane?
    /// Keys that were looked at.
    package var seen: Int
    /// Keys that are wrapped anew.
    package var rewrapped: Int

    package init(last: Lane?, seen: Int, rewrapped: Int) {
        self.last = last
        self.seen = seen
        self.rewrapped = rewrapped
    }
}
