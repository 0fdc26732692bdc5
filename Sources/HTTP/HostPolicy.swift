/// Which hosts may be spoken to: `https` to `*.autotask.net`, and what the operator lists, also over plain `http` (a simulator).
///
/// Where a tenant's zone is served comes from the network, and every call carries that tenant's secrets: so a URL's host is checked by the
/// parser that libcurl itself uses, and the URL that is sent is that parser's reading of it, not the text it was given.
///
/// A name says nothing of where it leads: that of a host which is not listed has to lead to a public address (``NetworkAddress/isPublic``).
/// The transport holds it to that when it connects, with the very address that it connects to.
package struct HostPolicy: Sendable {
    /// `host` or `host:port`, lower case, as given in `AUTOTASK_ALLOWED_HOSTS`. Without a port, the scheme's own is meant.
    package let additionalHosts: Set<String>

    package init(additionalHosts: Set<String> = []) {
        self.additionalHosts = Set(additionalHosts.map { $0.lowercased() })
    }

    /// Where a request goes, once the policy has allowed it.
    package struct Destination: Hashable, Sendable {
        /// The URL as libcurl reads it.
        package let url: String
        /// `host:port`, in lower case.
        package let endpoint: String
        /// As a certificate names it: in lower case, an IPv6 address without its brackets.
        package let host: String
        /// Whether the request travels in the clear.
        package let isPlain: Bool
        /// Whether the operator listed it: then it may be wherever its name leads. Every other host has to be on the public internet.
        package let isListed: Bool
    }

    /// Reads a URL and decides whether it may be requested.
    ///
    /// - Throws: ``HTTPError/Code/notAllowed``.
    @discardableResult
    package func check(_ url: String) throws(HTTPError) -> Destination {
        guard url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .refusal("The URL has characters that need encoding") }
        let parsed = try ParsedURL(url)
        guard !parsed.hasUserInformation else { throw .refusal("The URL has user information") }
        guard !parsed.hasFragment else { throw .refusal("The URL has a fragment") }
        guard parsed.scheme == "https" || parsed.scheme == "http" else { throw .refusal("The URL is neither https nor http") }
        let host = parsed.host.lowercased()
        let isPlain = parsed.scheme == "http"
        let endpoint = "\(host):\(parsed.port)"
        let isListed = additionalHosts.contains(endpoint) || (parsed.isDefaultPort && additionalHosts.contains(host))
        guard isListed || (!isPlain && parsed.port == 443 && HostPolicy.isAutotask(host)) else {
            throw .refusal("\(parsed.scheme)://\(endpoint) is not among the allowed hosts")
        }
        let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        return Destination(url: parsed.text, endpoint: endpoint, host: name, isPlain: isPlain, isListed: isListed)
    }

    /// Whether a host is a name under `autotask.net`, spelled in full and without a trailing dot.
    private static func isAutotask(_ host: String) -> Bool {
        let labels = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.count >= 3, labels.suffix(2).elementsEqual(["autotask", "net"], by: { $0.elementsEqual($1.utf8) }) else {
            return false
        }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy(\.isLabelByte)
        }
    }
}

extension UInt8 {
    /// A byte of a host name's label, in lower case.
    fileprivate var isLabelByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
