import CCurl
import Glibc

/// Header lines as libcurl takes them. They may hold secrets, and are overwritten before their memory goes back.
struct HeaderList: ~Copyable {
    private(set) var head: UnsafeMutablePointer<curl_slist>?

    /// - Parameter headers: names and values that ``HTTPRequest/check()`` has let through.
    init(_ headers: [HTTPHeader]) throws(HTTPError) {
        // What libcurl would add by itself: a name with nothing behind the colon keeps it from that.
        for name in ["Accept", "Content-Type", "Expect"] where !headers.contains(where: { $0.name.lowercased() == name.lowercased() }) {
            try append("\(name):".utf8)
        }
        for header in headers {
            // The semicolon is libcurl's way to write a header without a value.
            try header.value.isEmpty ? append("\(header.name);".utf8) : append(Array("\(header.name): ".utf8) + header.value)
        }
    }

    deinit { CCurl_slist_wipe(head) }

    private mutating func append(_ line: some Collection<UInt8>) throws(HTTPError) {
        var text = line.map { CChar(bitPattern: $0) } + [0]
        let longer = curl_slist_append(head, text)
        explicit_bzero(&text, text.count)
        guard let longer else { throw HTTPError(.unexpected, "No memory for headers", mayHaveBeenSent: false) }
        head = longer
    }
}
