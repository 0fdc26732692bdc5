/// An answer as received. Its caller's thread parses it into an ``HTTPResponse``, to relieve the loop's thread.
struct ReceivedAnswer: Sendable {
    var status: Int
    /// The header lines of the answer, each with its line end, without interim answers and trailers.
    var head: [UInt8]
    var body: [UInt8]
    var elapsed: Duration
}

extension HTTPResponse {
    init(_ answer: ReceivedAnswer) {
        self.init(status: answer.status, headers: HTTPResponse.fields(of: answer.head), body: answer.body, elapsed: answer.elapsed)
    }

    /// Reads header lines. A line without a colon is the status line, or is ignored.
    private static func fields(of head: [UInt8]) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        var rest = head[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { continue }
            fields.append((String(lowercasing: line[..<colon]), String(decoding: line[(colon + 1)...].trimmed, as: UTF8.self)))
        }
        return fields
    }
}

extension String {
    fileprivate init(lowercasing bytes: ArraySlice<UInt8>) {
        self.init(unsafeUninitializedCapacity: bytes.count) { buffer in
            for (index, byte) in bytes.enumerated() { buffer[index] = byte.lowercased }
            return bytes.count
        }
    }
}

extension ArraySlice<UInt8> {
    /// The bytes without HTTP's white space at both ends.
    fileprivate var trimmed: ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else { return [] }
        return self[first...last]
    }
}
