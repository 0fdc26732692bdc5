import CCurl
import Secrets

/// Header lines in libcurl's form. They may hold secrets, and are overwritten before their memory is released.
struct HeaderList: ~Copyable {
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    /// - Parameter headers: names and values that ``HTTPRequest/check()`` has accepted.
    init(_ headers: [HTTPHeader]) throws(HTTPError) {
        // libcurl adds these headers on its own. A name with nothing after the colon prevents that.
        for name in ["Accept", "Content-Type", "Expect"] where !headers.contains(where: { $0.isNamed(name) }) {
            try append(name, ":")
        }
        for header in headers {
            // In libcurl, a semicolon marks a header without a value.
            try header.withValue { (value) throws(HTTPError) in try append(header.name, value.isEmpty ? ";" : ": ", value) }
        }
    }

    /// - Parameter lines: lines that are not headers, taken unchanged.
    init(lines: [String]) throws(HTTPError) {
        for line in lines { try append(line, "") }
    }

    deinit { CCurl_slist_wipe(head) }

    private mutating func append(_ name: String, _ separator: String) throws(HTTPError) {
        try append(name, separator, [UInt8]().span)
    }

    private mutating func append(_ name: String, _ separator: String, _ value: Span<UInt8>) throws(HTTPError) {
        let front = name + separator
        let count = front.utf8.count + value.count
        let longer = withUnsafeTemporaryAllocation(byteCount: count + 1, alignment: 1) { line in
            line.copyBytes(from: front.utf8)
            value.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: line[front.utf8.count...]).copyMemory(from: $0) }
            line[count] = 0
            defer { wipe(line) }
            // The address exists: the line has at least its NUL.
            return curl_slist_append(head, line.baseAddress!.assumingMemoryBound(to: CChar.self))
        }
        guard let longer else { throw HTTPError(.unexpected, "No memory for headers", mayHaveBeenSent: false) }
        head = longer
    }
}
