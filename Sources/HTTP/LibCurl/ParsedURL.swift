import CCurl

/// A URL as libcurl reads it.
struct ParsedURL {
    /// In lower case.
    let scheme: String
    /// Percent-decoded; IPv4 addresses in their dotted form, IPv6 addresses in brackets.
    let host: String
    let port: Int
    /// Whether the port is the one that the scheme implies.
    let isDefaultPort: Bool
    let hasUserInformation: Bool
    let hasFragment: Bool
    /// Whether nothing follows the port: no path, no query, no fragment.
    let isBare: Bool
    /// The whole URL, composed again from its parts.
    let text: String

    /// - Throws: ``HTTPError/Code/notAllowed`` for a URL that libcurl would not request.
    init(_ text: String) throws(HTTPError) {
        guard let url = curl_url() else { throw HTTPError(.unexpected, "No memory for a URL", mayHaveBeenSent: false) }
        defer { curl_url_cleanup(url) }
        // Without flags, libcurl accepts no missing or unknown scheme, and no spaces.
        guard curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK else { throw .refusal("The URL is invalid") }
        func part(_ part: CURLUPart, flags: UInt32 = 0) -> String? {
            var bytes: UnsafeMutablePointer<CChar>?
            guard curl_url_get(url, part, &bytes, flags) == CURLUE_OK, let bytes else { return nil }
            defer { curl_free(bytes) }
            return String(cString: bytes)
        }
        guard let scheme = part(CURLUPART_SCHEME)?.lowercased(), let host = part(CURLUPART_HOST), let whole = part(CURLUPART_URL),
            let port = part(CURLUPART_PORT, flags: UInt32(CURLU_DEFAULT_PORT)).flatMap({ Int($0) })
        else { throw .refusal("The URL is incomplete") }
        self.scheme = scheme
        self.host = host
        self.port = port
        isDefaultPort = part(CURLUPART_PORT, flags: UInt32(CURLU_NO_DEFAULT_PORT)) == nil
        hasUserInformation = part(CURLUPART_USER) != nil || part(CURLUPART_PASSWORD) != nil || part(CURLUPART_OPTIONS) != nil
        hasFragment = part(CURLUPART_FRAGMENT) != nil
        isBare = !hasFragment && part(CURLUPART_QUERY) == nil && (part(CURLUPART_PATH) ?? "/") == "/"
        self.text = whole
    }
}
