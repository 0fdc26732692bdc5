/// Decides whether a call to Autotask may be made now, and receives its result. It belongs to one task.
package protocol CallGate {
    /// Called before each call to Autotask.
    ///
    /// - Parameter operation: the operation of the call.
    /// - Returns: a function to call once when the call has ended, with its error, or `nil` if the answer was accepted.
    /// - Throws: ``AutotaskError/Kind/heldBack(_:)``: nothing is sent.
    func admit(_ operation: AutotaskOperation) throws(AutotaskError) -> (AutotaskError?) -> Void

    /// Whether the call may still be sent. The transport asks it on its thread when the connection is open, just before the first byte: the
    /// process may have been suspended since ``admit(_:)``. It must not block.
    var mayStillCall: @Sendable () -> Bool { get }
}

extension CallGate {
    /// Makes the call if the gate admits it, and reports the result to the gate.
    func pass<Value>(
        _ operation: AutotaskOperation,
        _ call: () async throws(AutotaskError) -> Value
    ) async throws(AutotaskError) -> Value {
        let ended = try admit(operation)
        do throws(AutotaskError) {
            let value = try await call()
            ended(nil)
            return value
        } catch {
            ended(error)
            throw error
        }
    }
}

/// Lets every call through.
package struct OpenGate: CallGate {
    package init() {}

    package func admit(_ operation: AutotaskOperation) -> (AutotaskError?) -> Void { { _ in } }

    package var mayStillCall: @Sendable () -> Bool { { true } }
}
