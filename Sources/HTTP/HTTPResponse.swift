/// A server's answer with any status: a 500 is a response, not an ``HTTPError``.
package struct HTTPResponse: Sendable {
    package var status: Int
    /// The headers in the order received, with names in lower case.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// The time from sending the request until the last byte of the answer.
    package var elapsed: Duration

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], elapsed: Duration = .zero) {
        self.status = status
        self.headers = headers
        self.body = body
        self.elapsed = elapsed
    }

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    package func header(_ name: String) -> String? {
        // Compared by bytes: the time depends only on the length of `name`, not on what a server sends.
        headers.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }
}
