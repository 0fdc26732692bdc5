import Contract

/// A credential in all spellings that a text may contain. As text, it is spelled as it was sent, or as a server reads it that decodes
/// headers as Latin-1. Each character may be escaped for JSON, URLs, forms or HTML. It may also be encoded in hexadecimal, or in base64 as
/// part of a longer value.
///
/// ASCII letters match in either case.
struct SoughtValue {
    /// Characters that are matched one by one.
    private let texts: [[Unicode.Scalar]]
    /// Spellings of the value as a whole, in lower case.
    private let codes: [[UInt8]]
    /// The bytes with which an occurrence may begin.
    private let beginnings: Set<UInt8>

    /// The maximum length of an occurrence, in bytes.
    var longestSpelling: Int { SoughtValue.longestCharacter * (texts.map(\.count).max() ?? 0) }

    /// The length of a surrogate pair in JSON: `\ud83d\ude00`.
    private static let longestCharacter = 12

    /// A shorter value would often occur in some encoding by accident.
    private static let shortestEncoded = 4

    init(_ value: [UInt8]) {
        let characters = String(decoding: value.map(\.loweredASCII), as: UTF8.self)
        let latin1 = value.map { Unicode.Scalar($0.loweredASCII) }
        texts = [Array(characters.unicodeScalars), latin1]
        codes = value.count < SoughtValue.shortestEncoded ? [] : [Array(value.hexadecimal.utf8)] + SoughtValue.base64(value)
        beginnings = Set(Spelling.marks + texts.compactMap { $0.first.flatMap { String($0).utf8.first } } + codes.compactMap(\.first))
    }

    /// The end of the occurrence that begins at `start`; `nil` if there is none.
    ///
    /// - Parameter text: in lower case.
    func end(in text: [UInt8], at start: Int) -> Int? {
        guard beginnings.contains(text[start]) else { return nil }
        let ends =
            texts.compactMap { SoughtValue.end(of: $0, in: text, at: start) }
            + codes.filter { text[start...].starts(with: $0) }.map { start + $0.count }
        return ends.max()
    }

    /// A character may be escaped in several ways of different length, so there may be several places where the next one begins.
    private static func end(of characters: [Unicode.Scalar], in text: [UInt8], at start: Int) -> Int? {
        var places = [start]
        for character in characters {
            places =
                places.count == 1
                ? Spelling.ends(of: character, in: text[places[0]...])
                : Array(Set(places.flatMap { Spelling.ends(of: character, in: text[$0...]) }))
            guard !places.isEmpty else { return nil }
        }
        return places.max()
    }

    /// The part of the value's base64 that does not depend on its neighbours, for each offset and in both alphabets.
    private static func base64(_ value: [UInt8]) -> [[UInt8]] {
        let cores = (0..<3).map { offset -> [UInt8] in
            let text = Array(Base64URL.encode([UInt8](repeating: 0, count: offset) + value).utf8)
            return text[((offset * 8 + 5) / 6)..<((offset + value.count) * 8 / 6)].map(\.loweredASCII)
        }
        let standard = cores.map { core in
            core.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "+") : $0 == UInt8(ascii: "_") ? UInt8(ascii: "/") : $0 }
        }
        return cores + standard
    }
}

extension UInt8 {
    var loweredASCII: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}
