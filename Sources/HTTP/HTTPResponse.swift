/// What a server answered, whatever the status: a 500 is a response, not an ``HTTPError``.
package struct HTTPResponse: Sendable {
    package var status: Int
    /// Names in lower case, in the order received.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// From handing the request to the wire until the last byte of the answer.
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
        // By bytes: whatever a server sends as a name, this takes no longer than the name is long.
        headers.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }
}
