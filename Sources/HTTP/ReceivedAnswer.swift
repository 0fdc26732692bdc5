/// An answer as it came off the wire. It is read into an ``HTTPResponse`` on its caller's thread: the loop's has others to serve.
struct ReceivedAnswer: Sendable {
    var status: Int
    /// The header lines of the answer itself, each with its line end; no interim answers, no trailers.
    var head: [UInt8]
    var body: [UInt8]
    var elapsed: Duration
}

extension HTTPResponse {
    init(_ answer: ReceivedAnswer) {
        self.init(status: answer.status, headers: HTTPResponse.fields(of: answer.head), body: answer.body, elapsed: answer.elapsed)
    }

    /// Reads header lines. A line without a colon is the status line, or nothing of ours.
    private static func fields(of head: [UInt8]) -> [(name: String, value: String)] {
        head.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { return nil }
            let value = line[(colon + 1)...].trimmed
            return (name: String(decoding: line[..<colon].map(\.lowercased), as: UTF8.self), value: String(decoding: value, as: UTF8.self))
        }
    }
}

extension ArraySlice<UInt8> {
    /// Without the white space of HTTP at both ends.
    fileprivate var trimmed: ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else { return [] }
        return self[first...last]
    }
}

extension UInt8 {
    fileprivate var lowercased: UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self }
}
