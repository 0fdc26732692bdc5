/// An HTTP proxy that opens a tunnel to a host with `CONNECT`.
package struct Proxy: Sendable, CustomStringConvertible {
    /// The URL as libcurl reads it, with user and password.
    let url: String
    let port: Int
    /// `host:port`, without user and password.
    package let description: String

    /// Reads `http://[user:password@]host:port`.
    ///
    /// - Throws: ``HTTPError/Code/notAllowed``, which says what is wrong without the URL.
    package init(_ text: String) throws(HTTPError) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), let parsed = try? ParsedURL(text) else {
            throw .refusal("The proxy's URL is invalid")
        }
        guard parsed.scheme == "http" else { throw .refusal("The proxy's URL does not begin with http://") }
        guard parsed.isBare else { throw .refusal("The proxy's URL has more than a host and a port") }
        url = parsed.text
        port = parsed.port
        description = "\(parsed.host):\(parsed.port)"
    }
}
