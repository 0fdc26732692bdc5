import COpenSSL

/// The reason why a peer's certificate is not accepted, in words for the operators of both ends.
///
/// Revocation is not checked, neither by lists nor by OCSP. A stolen key is trusted until its certificate expires.
package struct CertificateProblem: Hashable, Sendable {
    /// OpenSSL's `X509_V_ERR_…`.
    private let code: Int32

    /// - Parameter code: the result of OpenSSL's verification. Success gives `nil`.
    package init?(_ code: Int) {
        guard let code = Int32(exactly: code), code != X509_V_OK else { return nil }
        self.code = code
    }

    /// What is wrong and what to do, as two sentences. It quotes nothing of the certificate.
    ///
    /// - Parameters:
    ///   - peer: the peer as `host:port`.
    ///   - authorities: the setting with the file of trusted authorities.
    package func explanation(of peer: String, authorities: String) -> String {
        switch code {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            "The certificate of \(peer) has expired. Have it renewed there, and check this machine's clock."
        case X509_V_ERR_CERT_NOT_YET_VALID:
            "The certificate of \(peer) is not valid yet. Check this machine's clock, and the certificate's start date."
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            "The certificate of \(peer) is another host's. Check the address. The certificate has to name it in subjectAltName, "
                + "where a wildcard matches exactly one label."
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            "The certificate of \(peer) is self-signed, and is not trusted here. If it is the right one, set \(authorities) to a file "
                + "that contains it."
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED:
            "The certificate of \(peer) is signed by an authority that is not trusted here. Set \(authorities) to a file that "
                + "contains the authority, and check that the peer sends its intermediate certificates."
        case X509_V_ERR_INVALID_CA, X509_V_ERR_PATH_LENGTH_EXCEEDED, X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
            "The certificate of \(peer) is signed by a certificate that may not sign others. Have an authority issue it."
        case X509_V_ERR_INVALID_PURPOSE:
            "The certificate of \(peer) is not for servers. Have one issued for serverAuth."
        case X509_V_ERR_CERT_REVOKED:
            "The certificate of \(peer) is revoked. Have a new one issued."
        case X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK:
            "The certificate of \(peer) has a key or a signature that is too weak. Have a new one issued."
        default:
            "The certificate of \(peer) is not valid: \(String(cString: X509_verify_cert_error_string(Int(code)))). "
                + "Check it, and the file in \(authorities)."
        }
    }
}
