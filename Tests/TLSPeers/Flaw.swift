/// The fault of a server.
package enum Flaw: String, CaseIterable, Sendable {
    case none
    /// Its certificate expired yesterday.
    case expired
    /// Its certificate becomes valid tomorrow.
    case notYetValid
    /// Its certificate names another host.
    case wrongHost
    /// Its certificate is self-signed.
    case selfSigned
    /// Its certificate is signed by an authority that is not trusted.
    case unknownAuthority
    /// Its certificate is signed by one that an authority signed, but not for signing others.
    case signedByLeaf
    /// Its certificate is for clients.
    case wrongPurpose
    /// Its certificate is for a whole top-level domain: `*.net`.
    case broadWildcard
    /// The wildcard in its certificate would have to match two labels: `*.autotask.net` for `a.b.autotask.net`.
    case deepWildcard
    /// The wildcard in its certificate is part of a label: `web*.autotask.net`.
    case partialWildcard
    /// The wildcard in its certificate would have to match part of an address: `*.0.0.1`.
    case addressWildcard
    /// Its certificate names the host in its subject, and has no alternative names.
    case commonNameOnly
    /// It does not speak TLS newer than 1.1, or than 1.0.
    case oldProtocol, olderProtocol

    /// All flaws except ``none``.
    package static let flaws = allCases.filter { $0 != .none }

    /// The host that a client requests. All are names of 127.0.0.1.
    package var host: String {
        switch self {
        case .broadWildcard: "autotask.net"
        case .deepWildcard: "a.b.autotask.net"
        case .partialWildcard: "webservices.autotask.net"
        case .commonNameOnly: "webservices.autotask.net"
        default: "127.0.0.1"
        }
    }

    /// A part of the client's error.
    package var words: String {
        switch self {
        case .none: ""
        case .expired: "has expired"
        case .notYetValid: "is not valid yet"
        case .wrongHost, .broadWildcard, .deepWildcard, .partialWildcard, .addressWildcard, .commonNameOnly: "is another host's"
        case .selfSigned: "is self-signed"
        case .unknownAuthority: "an authority that is not trusted here"
        case .signedByLeaf: "may not sign others"
        case .wrongPurpose: "not for servers"
        case .oldProtocol, .olderProtocol: "TLS 1.2 or newer"
        }
    }

    /// The certificate's alternative names, as OpenSSL writes them; empty for none.
    var alternativeNames: String {
        switch self {
        case .wrongHost: "DNS:other.example,IP:127.0.0.2"
        case .broadWildcard: "DNS:*.net"
        case .deepWildcard: "DNS:*.autotask.net"
        case .partialWildcard: "DNS:web*.autotask.net"
        case .addressWildcard: "DNS:*.0.0.1,DNS:127.0.0.1"
        case .commonNameOnly: ""
        default: "DNS:localhost,DNS:*.autotask.net,IP:127.0.0.1"
        }
    }

    var commonName: String { self == .commonNameOnly ? "webservices.autotask.net" : "server" }

    var purpose: String { self == .wrongPurpose ? "clientAuth" : "serverAuth" }

    /// The first and last day of validity, in days from now.
    var days: (first: Int, last: Int) {
        switch self {
        case .expired: (-30, -1)
        case .notYetValid: (1, 30)
        default: (-1, 1)
        }
    }

    var protocolVersion: String {
        switch self {
        case .oldProtocol: "1.1"
        case .olderProtocol: "1.0"
        default: "1.2"
        }
    }
}
