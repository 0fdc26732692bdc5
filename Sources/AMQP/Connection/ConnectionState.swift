import Synchronization

/// The state of a service's connection, for logs and readiness.
package enum ConnectionState: Sendable {
    /// There is no connection; another attempt follows. The reason is `nil` before the first attempt and after the service has ended.
    case disconnected(reason: AMQPError?)
    /// There is a connection. A publisher can publish; a consumer is not consuming from all its queues.
    case connected
    /// The broker accepts no messages: it is short of memory or disk.
    case blocked(reason: String)
    /// The broker has confirmed a consumer on each queue.
    case consuming

    package var isConnected: Bool {
        if case .disconnected = self { false } else { true }
    }

    package var isConsuming: Bool {
        if case .consuming = self { true } else { false }
    }
}

/// The current state for many readers, each of which can wait for changes.
final class ConnectionStateBroadcast: Sendable {
    private struct State {
        var current: ConnectionState = .disconnected(reason: nil)
        var isFinished = false
        var nextID = 0
        var listeners: [Int: AsyncStream<ConnectionState>.Continuation] = [:]
    }

    private let state = Mutex(State())

    var current: ConnectionState { state.withLock { $0.current } }

    func update(_ new: ConnectionState) {
        state.withLock { state in
            state.current = new
            for listener in state.listeners.values { listener.yield(new) }
        }
    }

    /// The current state immediately, then each new state; a slow reader sees only the newest.
    func updates() -> AsyncStream<ConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(of: ConnectionState.self, bufferingPolicy: .bufferingNewest(1))
        let id: Int? = state.withLock { state in
            continuation.yield(state.current)
            guard !state.isFinished else { return nil }
            state.nextID += 1
            state.listeners[state.nextID] = continuation
            return state.nextID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { $0.listeners[id] = nil }
        }
        return stream
    }

    func finish() {
        let listeners = state.withLock { state in
            state.isFinished = true
            state.current = .disconnected(reason: nil)
            defer { state.listeners = [:] }
            return state.listeners.values
        }
        for listener in listeners {
            listener.yield(.disconnected(reason: nil))
            listener.finish()
        }
    }
}

extension ConnectionState {
    /// Whether a change between the states need not be announced.
    func isSame(as other: ConnectionState) -> Bool {
        switch (self, other) {
        case (.connected, .connected), (.consuming, .consuming): true
        case (.blocked(let reason), .blocked(let otherReason)): reason == otherReason
        default: false
        }
    }
}
