import Synchronization

/// One request from its submission until its caller has the outcome.
///
/// Two threads use it: the caller's, which may cancel at any moment, and the transfer loop's. In any order of events, the caller is resumed
/// exactly once.
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

    /// Called when the caller begins to wait.
    ///
    /// - Returns: whether to submit the exchange. If not, it was already cancelled, and the caller has its outcome.
    func wait(with continuation: Continuation) -> Bool {
        let mayProceed = stage.withLock { $0.wait(with: continuation) }
        if !mayProceed { continuation.resume(returning: .failure(.cancelledUnsent)) }
        return mayProceed
    }

    /// Called when the caller's task was cancelled.
    ///
    /// - Returns: whether the loop has to abandon a transfer. If not, there is none, and the caller has its outcome.
    func cancel() -> Bool {
        switch stage.withLock({ $0.cancel() }) {
        case .none: return false
        case .abandonTransfer: return true
        case .resume(let continuation):
            continuation.resume(returning: .failure(.cancelledUnsent))
            return false
        }
    }

    /// Called when the loop takes the exchange.
    ///
    /// - Returns: whether to send it: it may have been cancelled while it waited.
    func begin() -> Bool {
        stage.withLock { $0.begin() }
    }

    /// Ends the exchange with an outcome; without effect if it has already ended.
    func finish(_ outcome: Outcome) {
        stage.withLock { $0.finish() }?.resume(returning: outcome)
    }
}

extension Exchange {
    /// The stage of an exchange, which decides which side may still resume the caller.
    enum Stage {
        /// Not submitted yet.
        case created
        /// Cancelled before it was submitted.
        case cancelled
        /// Submitted: it waits for a slot, or for the loop.
        case waiting(Continuation)
        /// Taken by the loop, which will resume the caller.
        case transferring(Continuation)
        /// Ended: the caller has its outcome.
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
    /// The error of a request that was cancelled before a byte was sent.
    static var cancelledUnsent: HTTPError { HTTPError(.cancelled, "The request was cancelled before it was sent", mayHaveBeenSent: false) }
}
