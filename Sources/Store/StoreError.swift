/// The store could not do what it was asked for.
package struct StoreError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// The claim, or the worker's lease, is another's by now.
        case fenced
        /// Full disk, read-only file system, input/output error, closed.
        case unavailable
        /// The file is not a store, or is damaged.
        case corrupt
        /// The store was written by a newer program.
        case newerSchema
        /// A defect of the program's own.
        case unexpected
    }

    package let code: Code
    /// Safe to log; says what to do where something can be done.
    package let message: String
    package let file: String
    package let line: Int

    package init(_ code: Code, _ message: String, file: String = #fileID, line: Int = #line) {
        self.code = code
        self.message = message
        self.file = file
        self.line = line
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
