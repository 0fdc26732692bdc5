import CCurl
import Glibc

/// The initialization of libcurl, once in a process.
enum CurlLibrary {
    private static let start: Result<Void, HTTPError> = {
        // A peer that closes the connection during a write must cause an error code, not a fatal signal. libcurl leaves that to the
        // application (CURLOPT_NOSIGNAL).
        signal(SIGPIPE, SIG_IGN)
        guard CCurl_global_init_wiping() == CURLE_OK, let version = CCurl_version() else {
            return .failure(HTTPError(.unexpected, "libcurl does not start", mayHaveBeenSent: false))
        }
        // 7.87.0 brought CURLOPT_QUICK_EXIT, the newest option in use.
        guard version.pointee.version_num >= 0x07_57_00 else {
            return .failure(HTTPError(.unexpected, "libcurl is older than 7.87.0", mayHaveBeenSent: false))
        }
        // A resolver that blocks would stop every exchange while it waits for one name.
        guard version.pointee.features & CURL_VERSION_ASYNCHDNS != 0 else {
            return .failure(HTTPError(.unexpected, "libcurl is built without its asynchronous resolver", mayHaveBeenSent: false))
        }
        guard version.pointee.features & CURL_VERSION_SSL != 0 else {
            return .failure(HTTPError(.unexpected, "libcurl is built without TLS", mayHaveBeenSent: false))
        }
        // The peer's name is verified by OpenSSL itself (PeerVerification).
        guard version.pointee.ssl_version.map({ String(cString: $0).hasPrefix("OpenSSL/") }) == true else {
            return .failure(HTTPError(.unexpected, "libcurl is built with a TLS library other than OpenSSL", mayHaveBeenSent: false))
        }
        return .success(())
    }()

    /// The file of the certificate authorities that the library trusts by default.
    static let authorityFile: String? = CCurl_version().pointee.cainfo.map { String(cString: $0) }

    /// Starts the library, and checks that it has all required features.
    static func load() throws(HTTPError) {
        try start.get()
    }
}
