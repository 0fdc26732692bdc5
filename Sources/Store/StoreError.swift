/// A failure of the store.
package struct StoreError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, CaseIterable, Sendable {
        /// Another worker holds the claim, or has taken over from this worker.
        case fenced
        /// The worker's clock is behind another's by more than ``Clocks/tolerance``.
        case clockBehind
        /// The data to store is sealed under a key that was retired meanwhile: it must be sealed again.
        case keyRetired
        /// The disk is full or failed, the file system is read-only, or the store is closed.
        case unavailable
        /// The file is not a store, or is damaged.
        case corrupt
        /// The store was written by a newer program.
        case newerSchema
        /// The store was written by an older program, and this one may not update it.
        case olderSchema
        /// The store's file was moved, deleted or replaced while it was open: writes to it are lost.
        case gone
        /// A defect of this program.
        case unexpected
    }

    package let code: Code
    /// Safe to log. It says what to do, if something can be done.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A worker may not join: see ``WorkerRegistry/join(_:until:at:)``.
    ///
    /// - Parameter difference: how much later another worker's lease ends than this one's.
    package static func clockBehind(by difference: Duration, _ other: WorkerID) -> StoreError {
        StoreError(
            .clockBehind,
            "This worker's clock is \(difference.components.seconds) s behind that of worker \(other): set the machine's clock, or stop all workers of this store and start them again."
        )
    }

    package static func keyRetired(_ id: String) -> StoreError {
        StoreError(.keyRetired, "The key \(id) was retired meanwhile: the store no longer accepts data that is sealed under it.")
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
