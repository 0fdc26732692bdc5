/// The reason why bytes are not JSON that the contract accepts.
package struct JSONError: Error, CustomStringConvertible, Sendable {
    /// What is wrong. It quotes nothing of the text, which may be a secret.
    package let reason: String
    /// The place of the mistake, in bytes from the start.
    package let offset: Int

    package var description: String { "\(reason) at byte \(offset)" }
}

extension JSON {
    /// Parses one JSON text (RFC 8259) under I-JSON's restrictions (RFC 7493) and the limits of `JSON+Limits.swift`. I-JSON requires valid
    /// UTF-8, and unique member names without lone surrogates. The parser skips a byte order mark, and reads a value with a lone surrogate
    /// as a ``brokenString``.
    ///
    /// - Parameter maximumValues: the maximum number of values at all depths. Each takes more memory than its text.
    /// - Throws: ``JSONError``, which gives the place and never quotes the text.
    package init(parsing bytes: [UInt8], maximumValues: Int = JSON.maximumValues) throws(JSONError) {
        self = try JSON.parsing(bytes.span, maximumValues: maximumValues) { $0.parseText() }
    }

    /// Parses as ``init(parsing:maximumValues:)`` does, but leaves out members of records that nobody reads. Records are the objects in the
    /// array `items` of the text's object. What is left out has to be JSON; it does not count among the values, and its names may repeat.
    ///
    /// - Parameter names: the members of records to keep, in any case.
    package init(parsing bytes: [UInt8], maximumValues: Int, keepingOfRecords names: JSONMemberNames) throws(JSONError) {
        self = try JSON.parsing(bytes.span, maximumValues: maximumValues) { parser in
            parser.recordMembers = names
            return parser.parseText()
        }
    }

    /// Parses as ``init(parsing:maximumValues:)`` does, and finds the text of one of an object's members.
    ///
    /// - Returns: the JSON, and the range of the member's value in `bytes`. The range is `nil` for a missing member, and if the JSON is not
    ///   an object.
    package static func parse(_ bytes: [UInt8], locating member: String) throws(JSONError) -> (json: JSON, range: Range<Int>?) {
        try parsing(bytes.span) { parser in
            parser.sought = member
            return parser.parseText().map { ($0, parser.found) }
        }
    }

    /// Finds the members of an object in its text without decoding their values: a secret in a `String` cannot be wiped.
    ///
    /// - Parameter text: one JSON text, with the restrictions of ``init(parsing:maximumValues:)``. Objects within a member's value may
    ///   repeat names.
    /// - Throws: ``JSONError``.
    package static func scan(objectText text: Span<UInt8>) throws(JSONError) -> [ScannedJSONMember] {
        try parsing(text) { $0.scanObjectText() }
    }

    /// Decodes a string of a scanned text, and passes it to `append` byte by byte.
    ///
    /// - Parameters:
    ///   - range: from ``ScannedJSONMember/string``.
    ///   - text: the scanned text.
    package static func decode(stringAt range: Range<Int>, in text: Span<UInt8>, _ append: (UInt8) -> Void) {
        unsafe text.withUnsafeBufferPointer { buffer in
            unsafe JSONParser(bytes: buffer).decode(range, append)
        }
    }

    private static func parsing<Value>(
        _ text: Span<UInt8>,
        maximumValues: Int = JSON.maximumValues,
        _ read: (inout JSONParser) -> Result<Value, JSONError>
    ) throws(JSONError) -> Value {
        do { _ = try UTF8Span(validating: text) } catch {
            throw JSONError(reason: "not valid UTF-8", offset: error.byteOffsets.lowerBound)
        }
        let result = unsafe text.withUnsafeBufferPointer { buffer in
            var parser = unsafe JSONParser(bytes: buffer, maximumValues: maximumValues)
            return read(&parser)
        }
        return try result.get()
    }
}

/// A recursive descent parser over bytes that are known to be valid UTF-8. It lives within one call, and the buffer outlives it.
private struct JSONParser {
    /// A low limit, because the names of members are compared pairwise.
    private static let maximumScannedMembers = 64

    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0
    /// The member of the outermost object to locate, and the range where it was found.
    var sought: String?
    private(set) var found: Range<Int>?
    /// The members of records to keep; `nil` for all.
    var recordMembers: JSONMemberNames?
    private var isInRecords = false
    private static let records = JSONMemberNames(["items"])
    /// The depth of records.
    private static let recordDepth = 2
    /// The number of values that may still follow.
    private var remainingValues: Int

    init(bytes: UnsafeBufferPointer<UInt8>, maximumValues: Int = JSON.maximumValues) {
        unsafe self.bytes = bytes
        remainingValues = maximumValues
        // RFC 8259, 8.1: a parser may ignore a byte order mark, and some serializers write one.
        if unsafe bytes.starts(with: JSONParser.byteOrderMark) { position = JSONParser.byteOrderMark.count }
    }

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    mutating func parseText() -> Result<JSON, JSONError> {
        do throws(JSONError) {
            let value = try parseValue(depth: 0)
            skipWhitespace()
            guard position == bytes.count else { throw error("unexpected text after the value") }
            return .success(value)
        } catch {
            return .failure(error)
        }
    }

    private func error(_ reason: String) -> JSONError { JSONError(reason: reason, offset: position) }

    private func peek() -> UInt8? { position < bytes.count ? unsafe bytes[position] : nil }

    private mutating func skipWhitespace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func parseValue(depth: Int) throws(JSONError) -> JSON {
        guard depth < JSON.maximumDepth else { throw error("nested too deeply") }
        guard remainingValues > 0 else { throw error("too many values") }
        remainingValues -= 1
        skipWhitespace()
        switch peek() {
        case UInt8(ascii: "{"): return try parseObject(depth: depth)
        case UInt8(ascii: "["): return try parseArray(depth: depth)
        case UInt8(ascii: "\""): return try parseString()
        case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", .null)
        case nil: throw error("unexpected end")
        case let byte? where byte == UInt8(ascii: "-") || byte.isASCIIDigit: return .number(try parseNumber())
        default: throw error("unexpected character")
        }
    }

    private mutating func parseWord(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let count = word.utf8CodeUnitCount
        guard position + count <= bytes.count else { throw error("unexpected end") }
        for index in 0..<count where unsafe bytes[position + index] != word.utf8Start[index] { throw error("unexpected character") }
        position += count
        return value
    }

    private mutating func parseObject(depth: Int) throws(JSONError) -> JSON {
        var members: [JSONObject.Member] = []
        // A few names are compared pairwise. For many names that is slow, so a set keeps them.
        var names: Set<String> = []
        try forEachMember { (parser, scanned) throws(JSONError) in
            if depth == 0, parser.recordMembers != nil {
                parser.isInRecords = unsafe JSONParser.records.contains(parser.text(of: scanned))
            } else if depth == JSONParser.recordDepth, parser.leavesOut(scanned) {
                _ = try parser.scanValue(depth: depth + 1)
                return
            }
            let name = try parser.name(scanned)
            if members.isEmpty { members.reserveCapacity(8) }
            let isRepeated = members.count < 32 ? members.contains { $0.name == name } : names.contains(name)
            guard !isRepeated else { throw parser.error("a member name is repeated") }
            let isSought = depth == 0 && name == parser.sought
            if isSought { parser.skipWhitespace() }
            let start = parser.position
            members.append(JSONObject.Member(name: name, value: try parser.parseValue(depth: depth + 1)))
            if isSought { parser.found = start..<parser.position }
            if members.count == 32 { names = Set(members.map(\.name)) } else if members.count > 32 { names.insert(name) }
        }
        return .object(JSONObject(uniqueMembers: members))
    }

    /// Whether a member of a record is to be left out. A name with escapes is kept: hardly any server writes one.
    private func leavesOut(_ name: ScannedString) -> Bool {
        guard isInRecords, let recordMembers, !name.hasEscapes else { return false }
        return unsafe !name.isBroken && !recordMembers.contains(text(of: name))
    }

    private func text(of string: ScannedString) -> UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(rebasing: bytes[string.range])
    }

    private func name(_ scanned: ScannedString) throws(JSONError) -> String {
        guard case .string(let name) = try string(scanned) else { throw error("half a surrogate pair in a member name") }
        return name
    }

    /// Reads an object; `readValue` reads the value after each name.
    private mutating func forEachMember(
        _ readValue: (inout JSONParser, _ name: ScannedString) throws(JSONError) -> Void
    ) throws(JSONError) {
        position += 1
        skipWhitespace()
        if peek() == UInt8(ascii: "}") {
            position += 1
            return
        }
        while true {
            skipWhitespace()
            guard peek() == UInt8(ascii: "\"") else { throw error("expected a member name") }
            let name = try scanString()
            skipWhitespace()
            guard peek() == UInt8(ascii: ":") else { throw error("expected a colon") }
            position += 1
            try readValue(&self, name)
            skipWhitespace()
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "}"):
                position += 1
                return
            default: throw error("expected a comma or the object's end")
            }
        }
    }

    /// Scans the only value of the text, which has to be an object.
    mutating func scanObjectText() -> Result<[ScannedJSONMember], JSONError> {
        do throws(JSONError) {
            skipWhitespace()
            guard peek() == UInt8(ascii: "{") else { throw error("expected an object") }
            var members: [ScannedJSONMember] = []
            try forEachMember { (parser, scanned) throws(JSONError) in
                let name = try parser.name(scanned)
                guard !members.contains(where: { $0.name == name }) else { throw parser.error("a member name is repeated") }
                guard members.count < JSONParser.maximumScannedMembers else { throw parser.error("too many members") }
                parser.skipWhitespace()
                let firstByte = parser.peek()
                let string = try parser.scanValue(depth: 1)
                // The value was just scanned: its last four bytes are `null`, and it is no string.
                let isNull = unsafe string == nil && parser.bytes[..<parser.position].suffix(4).elementsEqual("null".utf8)
                members.append(ScannedJSONMember(name: name, string: string, isNull: isNull, firstByte: firstByte))
            }
            skipWhitespace()
            guard position == bytes.count else { throw error("unexpected text after the value") }
            return .success(members)
        } catch {
            return .failure(error)
        }
    }

    /// Scans a value without decoding it.
    ///
    /// - Returns: the value's range if it is a string.
    private mutating func scanValue(depth: Int) throws(JSONError) -> Range<Int>? {
        guard depth < JSON.maximumDepth else { throw error("nested too deeply") }
        skipWhitespace()
        switch peek() {
        case UInt8(ascii: "\""):
            let string = try scanString()
            return string.isBroken ? nil : string.range
        case UInt8(ascii: "{"):
            try forEachMember { (parser, name) throws(JSONError) in
                guard !name.isBroken else { throw parser.error("half a surrogate pair in a member name") }
                _ = try parser.scanValue(depth: depth + 1)
            }
        case UInt8(ascii: "["):
            try forEachElement { (parser) throws(JSONError) in _ = try parser.scanValue(depth: depth + 1) }
        default: _ = try parseValue(depth: depth)
        }
        return nil
    }

    private mutating func parseArray(depth: Int) throws(JSONError) -> JSON {
        var elements: [JSON] = []
        try forEachElement { (parser) throws(JSONError) in elements.append(try parser.parseValue(depth: depth + 1)) }
        return .array(elements)
    }

    /// Reads an array; `readElement` reads each element.
    private mutating func forEachElement(_ readElement: (inout JSONParser) throws(JSONError) -> Void) throws(JSONError) {
        position += 1
        skipWhitespace()
        if peek() == UInt8(ascii: "]") {
            position += 1
            return
        }
        while true {
            try readElement(&self)
            skipWhitespace()
            switch peek() {
            case UInt8(ascii: ","): position += 1
            case UInt8(ascii: "]"):
                position += 1
                return
            default: throw error("expected a comma or the array's end")
            }
        }
    }

    private mutating func parseNumber() throws(JSONError) -> String {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if peek() == UInt8(ascii: "0") { position += 1 } else { try skipDigits() }
        if peek() == UInt8(ascii: ".") {
            position += 1
            try skipDigits()
        }
        if peek() == UInt8(ascii: "e") || peek() == UInt8(ascii: "E") {
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            try skipDigits()
        }
        guard position - start <= JSON.maximumNumberLength else { throw error("a number is too long") }
        return text(start..<position, isASCII: true)
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = position
        while let byte = peek(), byte.isASCIIDigit { position += 1 }
        guard position > start else { throw error("expected a digit") }
    }

    /// The text is known to be UTF-8, and is not validated again.
    private func text(_ range: Range<Int>, isASCII: Bool) -> String {
        let text = unsafe UnsafeBufferPointer(rebasing: bytes[range])
        return unsafe String(copying: UTF8Span(unchecked: text.span, isKnownASCII: isASCII))
    }

    /// The string, if it is cheap to compare with others.
    private func comparable(_ string: String) throws(JSONError) -> String {
        guard !string.hasTooManyMarks else { throw error("too many combining marks in a row") }
        return string
    }

    private mutating func parseString() throws(JSONError) -> JSON { try string(try scanString()) }

    private func string(_ string: ScannedString) throws(JSONError) -> JSON {
        let text = text(string.range, isASCII: string.isASCII)
        guard string.hasEscapes else { return .string(string.isASCII ? text : try comparable(text)) }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(string.range.count)
        decode(string.range) { decoded.append($0) }
        let readable = try comparable(String(decoding: decoded, as: UTF8.self))
        return string.isBroken ? .brokenString(escaped: text, readable: readable) : .string(readable)
    }

    /// What is known about a scanned string.
    private struct ScannedString {
        /// The string's range, without its quotes.
        var range: Range<Int>
        var isASCII = true
        var hasEscapes = false
        /// Whether it holds half a surrogate pair.
        var isBroken = false
    }

    /// Scans a string without decoding it.
    private mutating func scanString() throws(JSONError) -> ScannedString {
        position += 1
        var string = ScannedString(range: position..<position)
        while true {
            if let word = unsafe JSONWord(bytes, at: position) {
                let count = word.plainCount
                if !word.isASCII(first: count) { string.isASCII = false }
                position += count
                if count == JSONWord.size { continue }
            }
            guard let byte = peek() else { break }
            switch byte {
            case UInt8(ascii: "\""):
                string.range = string.range.lowerBound..<position
                position += 1
                return string
            case UInt8(ascii: "\\"):
                string.hasEscapes = true
                position += 1
                if try parseEscape() == nil { string.isBroken = true }
            case 0..<0x20:
                throw error("a control character in a string")
            default:
                if byte >= 0x80 { string.isASCII = false }
                position += 1
            }
        }
        throw error("unexpected end")
    }

    /// Decodes a string that was scanned before, and passes it to `append` byte by byte.
    func decode(_ string: Range<Int>, _ append: (UInt8) -> Void) {
        var reader = self
        reader.position = string.lowerBound
        while reader.position < string.upperBound, let byte = reader.peek() {
            reader.position += 1
            if byte == UInt8(ascii: "\\"), let scalar = try? reader.parseEscape() ?? "\u{FFFD}" {
                for unit in UTF8.encode(scalar) ?? .init() { append(unit) }
            } else {
                append(byte)
            }
        }
    }

    /// - Returns: the character that the escape encodes; `nil` for half a surrogate pair.
    private mutating func parseEscape() throws(JSONError) -> Unicode.Scalar? {
        guard let byte = peek() else { throw error("unexpected end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try parseHexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            let afterFirst = position
            guard first < 0xDC00, peek() == UInt8(ascii: "\\") else { return nil }
            position += 1
            guard peek() == UInt8(ascii: "u") else {
                position = afterFirst
                return nil
            }
            position += 1
            let second = try parseHexadecimal()
            guard (0xDC00..<0xE000).contains(second) else {
                // The second escape is a separate character, or another half.
                position = afterFirst
                return nil
            }
            return Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
        default: throw error("an unknown escape")
        }
    }

    private mutating func parseHexadecimal() throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("expected a hexadecimal digit")
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}
