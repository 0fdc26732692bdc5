/// Decides whether a call to Autotask may be made now, and learns how it ended. It belongs to one task.
package protocol CallGate {
    /// Asked before each call.
    ///
    /// - Parameter operation: what it is for.
    /// - Returns: to be called once, with how the call ended: `nil` for an answer that was accepted.
    /// - Throws: ``AutotaskError/Kind/heldBack(_:)``: nothing is sent.
    func admit(_ operation: AutotaskOperation) throws(AutotaskError) -> (AutotaskError?) -> Void

    /// Asked again when the call's connection stands and its first byte is about to leave: the process may have stood still since
    /// ``admit(_:)``. It is called on the transport's thread, and must not block.
    var mayStillCall: @Sendable () -> Bool { get }
}

extension CallGate {
    /// Makes a call that it admits, and learns how it ended.
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
