extension HTTPRequest {
    /// Refuses what would not reach the server as it stands, or would say something else there.
    func check() throws(HTTPError) {
        if method == .get, !body.isEmpty { throw .refusal("A GET has no body") }
        for header in headers { try header.check() }
    }
}

extension HTTPHeader {
    /// What the transport itself says to the server: a second word on it would be a second opinion on where a message ends.
    private static let reserved = [
        "Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
    ]

    /// Whether this is the header of that name: names do not differ by case.
    func isNamed(_ other: String) -> Bool {
        name.utf8.count == other.utf8.count && name.utf8.elementsEqual(other.utf8) { $0.lowercased == $1.lowercased }
    }

    /// Whether HTTP can carry the value as it stands: it holds no CR, LF or NUL, and is more than spaces.
    package var canBeSent: Bool { (try? check()) != nil }

    fileprivate func check() throws(HTTPError) {
        guard !name.isEmpty, name.utf8.allSatisfy(\.isTokenByte) else { throw .refusal("A header's name is not one") }
        guard !HTTPHeader.reserved.contains(where: isNamed) else { throw .refusal("The header \(name) is the transport's to set") }
        try withValue { (value) throws(HTTPError) in
            guard !value.indices.contains(where: { value[$0] == 0x00 || value[$0] == 0x0A || value[$0] == 0x0D }) else {
                throw .refusal("The value of the header \(name) holds CR, LF or NUL")
            }
            // HTTP has no way to say a value of spaces: the server would see an empty one.
            guard value.isEmpty || !value.indices.allSatisfy({ value[$0].isSpace }) else {
                throw .refusal("The value of the header \(name) is blank")
            }
        }
    }
}

extension HTTPError {
    /// A request that is not sent because of what it is.
    static func refusal(_ message: String) -> HTTPError {
        HTTPError(.notAllowed, message, mayHaveBeenSent: false)
    }
}

extension UInt8 {
    /// The byte of a small letter for that of a capital one of ASCII.
    var lowercased: UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self }

    /// RFC 9110, `tchar`.
    fileprivate var isTokenByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(self)
        }
    }

    /// Space, tab, vertical tab, form feed: what libcurl skips at the beginning of a value.
    fileprivate var isSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0B || self == 0x0C }
}
