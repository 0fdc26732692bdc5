/// The store could not do what it was asked for.
package struct StoreError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// The claim, or the worker's lease, is another's by now.
        case fenced
        /// The worker's clock is behind another's by more than ``Clocks/tolerance``.
        case clockBehind
        /// What was to be stored is sealed under a key that was retired meanwhile: it has to be sealed anew.
        case keyRetired
        /// Full disk, read-only file system, input/output error, closed.
        case unavailable
        /// The file is not a store, or is damaged.
        case corrupt
        /// The store was written by a newer program.
        case newerSchema
        /// The store was written by an older program, and this one may not bring it up to date.
        case olderSchema
        /// The store's file was moved, deleted or replaced while it was open: writes to it are lost.
        case gone
        /// A defect of the program's own.
        case unexpected
    }

    package let code: Code
    /// Safe to log; says what to do where something can be done.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A worker may not join: see ``WorkerRegistry/join(_:until:at:)``.
    ///
    /// - Parameter difference: by which another worker's lease ends later than this one's.
    package static func clockBehind(by difference: Duration, _ other: WorkerID) -> StoreError {
        StoreError(
            .clockBehind,
            "This worker's clock is \(difference.components.seconds) s behind that of worker \(other): set the machine's clock, or stop all workers of this store and start them again."
        )
    }

    package static func keyRetired(_ id: String) -> StoreError {
        StoreError(.keyRetired, "The key \(id) was retired meanwhile: nothing that is sealed under it is stored any more.")
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
