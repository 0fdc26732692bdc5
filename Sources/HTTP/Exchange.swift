import Synchronization

/// One request on its way, from the moment it is handed in until its caller has the outcome.
///
/// Two threads hold it: the caller's, which may cancel at any moment, and the transfer loop's. Whatever they do in whatever order, the caller
/// is resumed exactly once.
final class Exchange: Sendable {
    typealias Outcome = Result<ReceivedAnswer, HTTPError>
    typealias Continuation = CheckedContinuation<Outcome, Never>

    let request: HTTPRequest
    let destination: HostPolicy.Destination
    private let stage = Mutex(Stage.created)

    init(_ request: HTTPRequest, to destination: HostPolicy.Destination) {
        self.request = request
        self.destination = destination
    }

    /// The caller waits from now on.
    ///
    /// - Returns: whether the exchange is to be handed in. If not, it was cancelled already, and the caller has been told.
    func wait(with continuation: Continuation) -> Bool {
        let mayProceed = stage.withLock { $0.wait(with: continuation) }
        if !mayProceed { continuation.resume(returning: .failure(.cancelledUnsent)) }
        return mayProceed
    }

    /// The caller's task was cancelled.
    ///
    /// - Returns: whether the loop has to abandon a transfer. If not, there is none, and the caller has been told.
    func cancel() -> Bool {
        switch stage.withLock({ $0.cancel() }) {
        case .none: return false
        case .abandonTransfer: return true
        case .resume(let continuation):
            continuation.resume(returning: .failure(.cancelledUnsent))
            return false
        }
    }

    /// The loop takes the exchange up.
    ///
    /// - Returns: whether it is to be sent: it may have been cancelled while it waited.
    func begin() -> Bool {
        stage.withLock { $0.begin() }
    }

    /// The exchange has ended; without effect if it had ended before.
    func finish(_ outcome: Outcome) {
        stage.withLock { $0.finish() }?.resume(returning: outcome)
    }
}

extension Exchange {
    /// What has become of an exchange: which side may still resume the caller.
    enum Stage {
        /// Not handed in yet.
        case created
        /// Cancelled before it was handed in.
        case cancelled
        /// Handed in: it waits for a slot, or for the loop.
        case waiting(Continuation)
        /// The loop has it, and will tell the caller.
        case transferring(Continuation)
        /// The caller has been told.
        case finished

        enum Cancellation {
            case none
            case resume(Continuation)
            case abandonTransfer
        }

        mutating func wait(with continuation: Continuation) -> Bool {
            guard case .created = self else { return false }
            self = .waiting(continuation)
            return true
        }

        mutating func cancel() -> Cancellation {
            switch self {
            case .created:
                self = .cancelled
                return .none
            case .waiting(let continuation):
                self = .finished
                return .resume(continuation)
            case .transferring: return .abandonTransfer
            case .cancelled, .finished: return .none
            }
        }

        mutating func begin() -> Bool {
            guard case .waiting(let continuation) = self else { return false }
            self = .transferring(continuation)
            return true
        }

        mutating func finish() -> Continuation? {
            switch self {
            case .waiting(let continuation), .transferring(let continuation):
                self = .finished
                return continuation
            case .created, .cancelled, .finished: return nil
            }
        }
    }
}

extension HTTPError {
    /// Cancelled before a byte was sent.
    static var cancelledUnsent: HTTPError { HTTPError(.cancelled, "The request was cancelled before it was sent", mayHaveBeenSent: false) }
}
