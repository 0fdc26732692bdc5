package import Contract

/// One step of wrapping the credentials keys of all lanes again.
package struct RewrapStep: Hashable, Sendable {
    /// The last lane of this step: the next step continues after it. `nil` when there are no more lanes.
    package var last: Lane?
    /// Keys that were examined.
    package var seen: Int
    /// Keys that were wrapped again.
    package var rewrapped: Int

    package init(last: Lane?, seen: Int, rewrapped: Int) {
        self.last = last
        self.seen = seen
        self.rewrapped = rewrapped
    }
}
