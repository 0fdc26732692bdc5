/// Sends requests. It separates the content of calls from the transport.
///
/// The product's implementation is ``CurlTransport``; tests of higher layers use scripted ones.
package protocol HTTPTransport: Sendable {
    /// Sends one request and returns the whole answer.
    ///
    /// Cancelling the calling task abandons the exchange, which then throws ``HTTPError/Code/cancelled``. The transport sends a request
    /// twice only if it may be repeated (``HTTPRequest/isRepeatable``), and follows no redirects.
    ///
    /// - Throws: ``HTTPError`` if there is no complete answer. ``HTTPError/mayHaveBeenSent`` says whether the server may have acted.
    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse
}
