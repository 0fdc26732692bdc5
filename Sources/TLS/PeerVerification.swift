import COpenSSL

/// The verification of a peer in a TLS handshake, set in OpenSSL itself. librabbitmq 0.11 and libcurl 7.88 accept a certificate that names
/// the host only in its subject, and librabbitmq does not support addresses.
package enum PeerVerification {
    /// Makes every handshake of a context fail whose peer has no certificate for a host.
    ///
    /// - Parameter context: an `SSL_CTX *` without connections yet.
    /// - Returns: whether OpenSSL has accepted the host; if not, do not continue.
    package static func require(_ host: String, on context: UnsafeMutableRawPointer) -> Bool {
        COpenSSL_expect_host(context, host) == 1
    }

    /// Makes a handshake, and returns what was wrong with the peer's certificate if it fails.
    ///
    /// - Parameters:
    ///   - context: an `SSL_CTX *` without connections yet.
    ///   - handshake: makes the handshake on this thread, and does not outlive the call.
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

    /// OpenSSL's text about the last failure on this thread.
    package static var lastReason: String? { COpenSSL_last_reason().map { String(cString: $0) } }
}
