/// The hosts that may be called: `*.autotask.net` over `https`, and hosts that the operator lists, also over plain `http` (a simulator).
/// Each transport has its own policy: the one that sends spans calls their collector and nothing else.
///
/// The address of a tenant's zone comes from the network, and every call carries that tenant's secrets. So libcurl's own parser reads the
/// URL for the check, and the transport sends that parser's reading, not the original text.
///
/// A name may resolve to any address. The name of a host that is not listed has to resolve to a public one (``NetworkAddress/isPublic``).
/// The transport checks this when it connects, for the address to which it connects.
package struct HostPolicy: Sendable {
    /// Hosts as `host` or `host:port`, in lower case, from `AUTOTASK_ALLOWED_HOSTS`. Without a port, the scheme's default applies.
    package let additionalHosts: Set<String>
    /// Whether `*.autotask.net` may be called.
    private let includesAutotask: Bool

    package init(additionalHosts: Set<String> = []) {
        self.additionalHosts = Set(additionalHosts.map { $0.lowercased() })
        includesAutotask = true
    }

    /// Allows the host and port of one URL and no other, not even Autotask's: for a transport that does not call Autotask.
    ///
    /// - Throws: ``HTTPError/Code/notAllowed`` for a URL that ``check(_:)`` would refuse in any case.
    package init(onlyOf url: String) throws(HTTPError) {
        let parsed = try HostPolicy.parsed(url)
        additionalHosts = ["\(parsed.host.lowercased()):\(parsed.port)"]
        includesAutotask = false
    }

    /// The target of a request that the policy allows.
    package struct Destination: Hashable, Sendable {
        /// The URL as libcurl reads it.
        package let url: String
        /// `host:port`, in lower case.
        package let endpoint: String
        /// The host as a certificate names it: in lower case, an IPv6 address without brackets.
        package let host: String
        /// Whether the request is not encrypted.
        package let isPlain: Bool
        /// Whether the operator listed the host, which may then have any address. Every other host has to be on the public internet.
        package let isListed: Bool
    }

    /// Reads a URL and decides whether it may be requested.
    ///
    /// - Throws: ``HTTPError/Code/notAllowed``.
    @discardableResult
    package func check(_ url: String) throws(HTTPError) -> Destination {
        let parsed = try HostPolicy.parsed(url)
        let host = parsed.host.lowercased()
        let isPlain = parsed.scheme == "http"
        let endpoint = "\(host):\(parsed.port)"
        let isListed = additionalHosts.contains(endpoint) || (parsed.isDefaultPort && additionalHosts.contains(host))
        guard isListed || (includesAutotask && !isPlain && parsed.port == 443 && HostPolicy.isAutotask(host)) else {
            throw .refusal("\(parsed.scheme)://\(endpoint) is not among the allowed hosts")
        }
        let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        return Destination(url: parsed.text, endpoint: endpoint, host: name, isPlain: isPlain, isListed: isListed)
    }

    private static func parsed(_ url: String) throws(HTTPError) -> ParsedURL {
        guard url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .refusal("The URL has characters that need encoding") }
        let parsed = try ParsedURL(url)
        guard !parsed.hasUserInformation else { throw .refusal("The URL has user information") }
        guard !parsed.hasFragment else { throw .refusal("The URL has a fragment") }
        guard parsed.scheme == "https" || parsed.scheme == "http" else { throw .refusal("The URL is neither https nor http") }
        return parsed
    }

    /// Whether a host is a full name under `autotask.net` without a trailing dot.
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
    /// Whether the byte may be in a host name's label in lower case.
    fileprivate var isLabelByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
