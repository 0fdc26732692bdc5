import COpenSSL

/// What a peer has to prove in a TLS handshake, told to OpenSSL itself: librabbitmq 0.11 and libcurl 7.88 accept a certificate that names
/// the host nowhere but in its subject, and librabbitmq knows no addresses.
package enum PeerVerification {
    /// Has every handshake of a context fail whose peer cannot show a certificate for a host.
    ///
    /// - Parameter context: an `SSL_CTX *`, of which no connection was made yet.
    /// - Returns: whether OpenSSL has taken the host; otherwise do not go on.
    package static func require(_ host: String, on context: UnsafeMutableRawPointer) -> Bool {
        COpenSSL_expect_host(context, host) == 1
    }

    /// Makes a handshake, and learns what was wrong with the peer's certificate if it fails.
    ///
    /// - Parameters:
    ///   - context: an `SSL_CTX *`, of which no connection was made yet.
    ///   - handshake: made on this thread, and not for longer than the call.
    package static func watch<Value>(
        _ context: UnsafeMutableRawPointer,
        _ handshake: () -> Value
    ) -> (value: Value, problem: CertificateProblem?) {
        var problem: Int32 = 0
        let value = withUnsafeMutablePointer(to: &problem) { problem in
            COpenSSL_watch(context, problem)
            defer { COpenSSL_watch(context, nil) }
            return handshake()
        }
        return (value, CertificateProblem(Int(problem)))
    }

    /// OpenSSL's words on what failed last on this thread.
    package static var lastReason: String? { COpenSSL_last_reason().map { String(cString: $0) } }
}
