import CCurl

extension HTTPError {
    /// Creates the error of a failed transfer.
    ///
    /// - Parameters:
    ///   - code: libcurl's error code.
    ///   - detail: libcurl's text for this case. It is used only if nothing of the request was sent: later it may quote an answer.
    ///   - hasTimeLeft: whether the request's own time limit was not reached.
    ///   - wasHandedOver: whether the request was handed to an open connection.
    init(_ code: CURLcode, detail: String, hasTimeLeft: Bool, wasHandedOver: Bool) {
        let meaning: Code =
            switch code {
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .nameNotResolved
            case CURLE_COULDNT_CONNECT: .cannotConnect
            // Nothing was sent to the server: the proxy has not opened the tunnel.
            case CURLE_RECV_ERROR where !wasHandedOver: .cannotConnect
            case CURLE_OPERATION_TIMEDOUT: hasTimeLeft && !wasHandedOver ? .cannotConnect : .timedOut
            case CURLE_PEER_FAILED_VERIFICATION: .certificateRejected
            case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
                .tlsFailed
            // Only the callback that refuses to send a request again aborts: the connection has ended without an answer.
            case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_ABORTED_BY_CALLBACK: .connectionLost
            // HTTP/0.9, or an invalid status line or encoding.
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING: .connectionLost
            case CURLE_FILESIZE_EXCEEDED: .responseTooLarge
            case CURLE_OUT_OF_MEMORY where wasHandedOver: .responseTooLarge
            case HTTPError.tooLarge: .responseTooLarge
            case CURLE_URL_MALFORMAT: .notAllowed
            default: .unexpected
            }
        let text =
            switch code {
            case _ where meaning == .responseTooLarge: "The answer is larger than allowed"
            case CURLE_ABORTED_BY_CALLBACK: "The connection ended before an answer came; the request is not sent again"
            case _ where wasHandedOver || detail.isEmpty: String(cString: curl_easy_strerror(code))
            default: detail.printable
            }
        self.init(meaning, text, mayHaveBeenSent: wasHandedOver)
    }
}

extension HTTPError {
    /// `CURLE_TOO_LARGE`: a header line is longer than libcurl allows. Before 8.6 it was `CURLE_OUT_OF_MEMORY`.
    private static let tooLarge = CURLcode(rawValue: 100)

    /// The error for a host that is not listed and whose name resolves to an address that is not public.
    static func notPublic(_ host: String) -> HTTPError {
        HTTPError(
            .addressNotPublic,
            "\(host) resolves to an address that is not public. Check the machine's name resolution; if the address is intended, "
                + "list the host in AUTOTASK_ALLOWED_HOSTS",
            mayHaveBeenSent: false
        )
    }
}

extension String {
    /// A text that may hold a peer's words (the names in its certificate), made safe for one line of a log.
    fileprivate var printable: String {
        String(decoding: utf8.prefix(400).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
