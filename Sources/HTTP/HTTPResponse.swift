/// A server's answer with any status: a 500 is a response, not an ``HTTPError``.
package struct HTTPResponse: Sendable {
    package var status: Int
    /// The header lines as received, each with its line end. They are read when somebody asks: most answers' headers interest nobody.
    private let head: [UInt8]
    package var body: [UInt8]
    /// The time from sending the request until the last byte of the answer.
    package var elapsed: Duration

    init(status: Int, head: [UInt8], body: [UInt8], elapsed: Duration) {
        self.status = status
        self.head = head
        self.body = body
        self.elapsed = elapsed
    }

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], elapsed: Duration = .zero) {
        let head = headers.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) }
        self.init(status: status, head: head, body: body, elapsed: elapsed)
    }

    /// The headers in the order received, with names in lower case.
    package var headers: [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        forEachHeader { name, value in
            fields.append((String(lowercasing: name), String(decoding: value.trimmed, as: UTF8.self)))
            return true
        }
        return fields
    }

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    package func header(_ name: String) -> String? {
        var found: String?
        forEachHeader { other, value in
            guard other.count == name.utf8.count, zip(other, name.utf8).allSatisfy({ $0.lowercased == $1 }) else { return true }
            found = String(decoding: value.trimmed, as: UTF8.self)
            return false
        }
        return found
    }

    /// Reads header lines until `body` returns false. A line without a colon is the status line, or is ignored.
    private func forEachHeader(_ body: (_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool) {
        var rest = head[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { continue }
            guard body(line[..<colon], line[(colon + 1)...]) else { return }
        }
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
