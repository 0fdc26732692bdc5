/// Why there is no answer to a request.
package struct HTTPError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// The host name does not resolve.
        case nameNotResolved
        /// The host name leads to an address that is not public, and the operator did not list the host; nothing was sent.
        case addressNotPublic
        /// No connection: refused, unreachable, or not in time.
        case cannotConnect
        /// The TLS handshake failed, for another reason than the peer's certificate.
        case tlsFailed
        /// The peer's certificate is invalid: the handshake fails until the certificate or the trust store is corrected.
        case certificateRejected
        /// The exchange was not finished within ``HTTPRequest/timeout``.
        case timedOut
        /// The connection ended before the answer was complete, or the answer was not HTTP.
        case connectionLost
        /// The answer's body is larger than ``HTTPRequest/maximumResponseBytes``.
        case responseTooLarge
        /// The URL, a header or the host is not one that may be used; nothing was sent.
        case notAllowed
        /// The caller's deadline has passed.
        case outOfTime
        /// The calling task was cancelled, or the transport is shutting down.
        case cancelled
        /// ``HTTPRequest/mayStillBeSent`` said no: nothing was sent.
        case withdrawn
        /// libcurl reported something unexpected.
        case unexpected
    }

    package let code: Code
    /// Safe to log: never a header, a body or a query.
    package let message: String
    /// Whether any byte of the request may have reached the server, so that a write may have taken effect although no answer came.
    package let mayHaveBeenSent: Bool

    package init(_ code: Code, _ message: String, mayHaveBeenSent: Bool) {
        self.code = code
        self.message = message
        self.mayHaveBeenSent = mayHaveBeenSent
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
