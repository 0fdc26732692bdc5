extension HTTPRequest {
    /// Refuses a request that would not reach the server unchanged, or that the server could read differently.
    func check() throws(HTTPError) {
        if method == .get, !body.isEmpty { throw .refusal("A GET has no body") }
        for header in headers { try header.check() }
    }
}

extension HTTPHeader {
    /// The headers that the transport itself sets: a second one could change where a message ends.
    private static let reserved = [
        "Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
    ]

    /// Whether the header has this name, in any case.
    func isNamed(_ other: String) -> Bool {
        name.utf8.count == other.utf8.count && name.utf8.elementsEqual(other.utf8) { $0.lowercased == $1.lowercased }
    }

    /// Whether HTTP can carry the value unchanged: it has no CR, LF or NUL, and is not blank.
    package var canBeSent: Bool { (try? check()) != nil }

    fileprivate func check() throws(HTTPError) {
        guard !name.isEmpty, name.utf8.allSatisfy(\.isTokenByte) else { throw .refusal("The name of a header is invalid") }
        guard !HTTPHeader.reserved.contains(where: isNamed) else { throw .refusal("Only the transport sets the header \(name)") }
        try withValue { (value) throws(HTTPError) in
            guard !value.indices.contains(where: { value[$0] == 0x00 || value[$0] == 0x0A || value[$0] == 0x0D }) else {
                throw .refusal("The value of the header \(name) holds CR, LF or NUL")
            }
            // HTTP cannot carry a value of spaces: the server would see an empty one.
            guard value.isEmpty || !value.indices.allSatisfy({ value[$0].isSpace }) else {
                throw .refusal("The value of the header \(name) is blank")
            }
        }
    }
}

extension HTTPError {
    /// The error for a request that is not allowed.
    static func refusal(_ message: String) -> HTTPError {
        HTTPError(.notAllowed, message, mayHaveBeenSent: false)
    }
}

extension UInt8 {
    /// The byte in lower case, for ASCII letters.
    var lowercased: UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self }

    /// Whether the byte is a `tchar` of RFC 9110.
    fileprivate var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(self)
        }
    }

    /// Whether libcurl skips the byte at the beginning of a value: space, tab, vertical tab, form feed.
    fileprivate var isSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0B || self == 0x0C }
}
