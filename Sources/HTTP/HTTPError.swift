/// The reason why there is no answer to a request.
package struct HTTPError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, CaseIterable, Sendable {
        /// The host name does not resolve.
        case nameNotResolved
        /// The host name resolves to an address that is not public, and the operator did not list the host. Nothing was sent.
        case addressNotPublic
        /// There is no connection: it is refused, unreachable, or too slow.
        case cannotConnect
        /// The TLS handshake failed for a reason other than the peer's certificate.
        case tlsFailed
        /// The peer's certificate is invalid. The handshake fails until the certificate or the trust store is corrected.
        case certificateRejected
        /// The exchange was not finished within ``HTTPRequest/timeout``.
        case timedOut
        /// The connection ended before the answer was complete, or the answer was not HTTP.
        case connectionLost
        /// The answer's body is larger than ``HTTPRequest/maximumResponseBytes``.
        case responseTooLarge
        /// The URL, a header or the host is not allowed. Nothing was sent.
        case notAllowed
        /// The caller's deadline has passed.
        case outOfTime
        /// The calling task was cancelled, or the transport is shutting down.
        case cancelled
        /// ``HTTPRequest/mayStillBeSent`` returned `false`. Nothing was sent.
        case withdrawn
        /// libcurl reported something unexpected.
        case unexpected
    }

    package let code: Code
    /// A text that is safe to log: it never has a header, a body or a query.
    package let message: String
    /// Whether any byte of the request may have reached the server, so that a write may have taken effect without an answer.
    package let mayHaveBeenSent: Bool

    package init(_ code: Code, _ message: String, mayHaveBeenSent: Bool) {
        self.code = code
        self.message = message
        self.mayHaveBeenSent = mayHaveBeenSent
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
