import CCurl

extension HTTPError {
    /// What a failed transfer means.
    ///
    /// - Parameters:
    ///   - code: libcurl's word.
    ///   - detail: libcurl's text for this case. It is told only while nothing of the request has left: later it may quote an answer.
    ///   - hasTimeLeft: whether the request's own time limit was not reached.
    ///   - wasHandedOver: whether the request was given to a connection that stood.
    init(_ code: CURLcode, detail: String, hasTimeLeft: Bool, wasHandedOver: Bool) {
        let meaning: Code =
            switch code {
            case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .nameNotResolved
            case CURLE_COULDNT_CONNECT: .cannotConnect
            // Nothing was sent to whom it was for: the proxy has not opened the way.
            case CURLE_RECV_ERROR where !wasHandedOver: .cannotConnect
            case CURLE_OPERATION_TIMEDOUT: hasTimeLeft && !wasHandedOver ? .cannotConnect : .timedOut
            case CURLE_PEER_FAILED_VERIFICATION: .certificateRejected
            case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
                CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
                .tlsFailed
            // The callback that aborts is the one that refuses to send a request again: its connection has ended without an answer.
            case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_ABORTED_BY_CALLBACK: .connectionLost
            // HTTP/0.9, a status line or an encoding that is none.
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
    /// `CURLE_TOO_LARGE`: a header line that is longer than libcurl holds. Before 8.6 it had no name and was `CURLE_OUT_OF_MEMORY`.
    private static let tooLarge = CURLcode(rawValue: 100)

    /// A host that was not listed, and whose name leads to where Autotask cannot be.
    static func notPublic(_ host: String) -> HTTPError {
        HTTPError(
            .addressNotPublic,
            "\(host) leads to an address that is not public. Check the machine's name resolution; if it is meant to be there, list it in "
                + "AUTOTASK_ALLOWED_HOSTS",
            mayHaveBeenSent: false
        )
    }
}

extension String {
    /// What a peer may have had a hand in (the names in its certificate), made fit for one line of a log.
    fileprivate var printable: String {
        String(decoding: utf8.prefix(400).map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
