import COpenSSL

/// The library that the program runs with.
package enum OpenSSL {
    /// Its version, `3.0.17`.
    package static var version: String { String(cString: OpenSSL_version(OPENSSL_VERSION_STRING)) }
}
