/// Sends requests: the seam between what is said to a server and how it gets there.
///
/// The product's implementation is ``CurlTransport``; tests of the layers above script their own.
package protocol HTTPTransport: Sendable {
    /// Sends one request and returns the whole answer.
    ///
    /// Cancelling the calling task abandons the exchange, which then throws ``HTTPError/Code/cancelled``. Nothing is sent twice unless the
    /// request says that it may be (``HTTPRequest/isRepeatable``), and no redirect is followed.
    ///
    /// - Throws: ``HTTPError`` when there is no complete answer. ``HTTPError/mayHaveBeenSent`` tells whether the server may have acted.
    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse
}
