package import Contract
package import HTTP

extension Duration {
    /// Reads an answer's `Retry-After` in either form (RFC 9110, 10.2.3), at most a day; `nil` without a usable one.
    ///
    /// A date is relative to the answer's own `Date`, so that the worker's clock does not matter.
    package init?(retryAfterOf response: HTTPResponse) {
        guard let text = response.header("retry-after"), text.utf8.count <= Duration.longestRetryAfter else { return nil }
        let wait: Duration
        if let seconds = Int64(text) {
            wait = .seconds(Swift.min(seconds, Duration.longestWait))
        } else if let until = Timestamp(httpDate: text), let now = response.header("date").flatMap({ Timestamp(httpDate: $0) }) {
            wait = until - now
        } else {
            return nil
        }
        self = Swift.max(.zero, Swift.min(wait, .seconds(Duration.longestWait)))
    }

    /// The maximum length in bytes. A date has 29.
    private static let longestRetryAfter = 64
    /// The maximum pause in seconds. A longer one is a mistake.
    private static let longestWait: Int64 = 86_400
}

extension Timestamp {
    /// Reads a date of HTTP: `Sun, 06 Nov 1994 08:49:37 GMT`.
    package init?(httpDate text: String) {
        guard text.utf8.count <= 64 else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: " ")).map(Substring.init)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[5] == "GMT", let month = months.firstIndex(where: { $0 == parts[2] }) else { return nil }
        self.init("\(parts[3])-\(month < 9 ? "0" : "")\(month + 1)-\(parts[1])T\(parts[4])Z")
    }
}
