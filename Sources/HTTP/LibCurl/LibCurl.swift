import CCurl

/// The library that the program runs with.
package enum LibCurl {
    /// Its version, `7.88.1`.
    package static var version: String { String(cString: CCurl_version().pointee.version) }

    /// The library that it uses for TLS, with its version: `OpenSSL/3.0.17`. `nil` for none.
    package static var tls: String? { CCurl_version().pointee.ssl_version.map { String(cString: $0) } }
}
