package import Secrets

/// One complete request. The transport adds only headers that HTTP needs (`Host`, `Content-Length`, `Accept-Encoding`).
package struct HTTPRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case patch = "PATCH"
    }

    package var method: Method
    /// An absolute URL without user information or fragment. The transport refuses hosts that its ``HostPolicy`` does not allow.
    package var url: String
    package var headers: [HTTPHeader]
    /// The body's bytes; empty for none.
    package var body: [UInt8]
    /// The time limit of the whole exchange, from the moment when the transport sends it: waiting for a free slot does not count.
    package var timeout: Duration
    /// The maximum size of a response body in bytes after decompression. A larger one fails the request with
    /// ``HTTPError/Code/responseTooLarge``.
    package var maximumResponseBytes: Int
    /// Whether the request may reach the server twice. If so, it is sent again over a new connection when a kept one ends before the first
    /// byte of the answer. By default, only a GET may: a repeated create is a second service on a customer's invoice.
    package var isRepeatable: Bool
    /// Called on the transport's thread when the connection is open, just before the first byte. A caller that was suspended or waited too
    /// long can thus withdraw a request (``HTTPError/Code/withdrawn``). It must not block.
    package var mayStillBeSent: (@Sendable () -> Bool)?

    package init(
        method: Method,
        url: String,
        headers: [HTTPHeader] = [],
        body: [UInt8] = [],
        timeout: Duration = .seconds(30),
        maximumResponseBytes: Int = 16 << 20,
        isRepeatable: Bool? = nil,
        mayStillBeSent: (@Sendable () -> Bool)? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.maximumResponseBytes = maximumResponseBytes
        self.isRepeatable = isRepeatable ?? (method == .get)
        self.mayStillBeSent = mayStillBeSent
    }
}

/// A header whose value is bytes: a secret may have any bytes but CR, LF and NUL, and reaches the server unchanged.
package struct HTTPHeader: Sendable {
    package let name: String
    private let value: Value

    private enum Value {
        case plain([UInt8])
        case secret(SecretReference)
    }

    package init(_ name: String, _ value: String) {
        self.init(name, bytes: Array(value.utf8))
    }

    package init(_ name: String, bytes: [UInt8]) {
        self.name = name
        value = .plain(bytes)
    }

    /// Creates a header with a secret value, of which no copy remains after the request.
    package init(_ name: String, _ value: SecretReference) {
        self.name = name
        self.value = .secret(value)
    }

    package func withValue<Result, Failure: Error>(
        _ body: (_ bytes: Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch value {
        case .plain(let bytes): try body(bytes.span)
        case .secret(let secret): try secret.withBytes(body)
        }
    }
}
