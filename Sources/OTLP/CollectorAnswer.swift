import Contract
package import HTTP

/// What an answer of the collector means for a batch of spans.
package enum CollectorAnswer: Hashable, Sendable {
    /// The batch arrived; the collector rejected this many of its spans.
    case taken(rejected: Int)
    /// Sending it again may help, after the time that the collector asks for.
    case again(after: Duration?, reason: String)
    /// Sending it again does not help.
    case refused(reason: String)

    /// The longest pause that a collector can ask for.
    private static let longestPause: Duration = .seconds(300)

    package init(_ response: HTTPResponse) {
        switch response.status {
        case 200..<300: self = .taken(rejected: CollectorAnswer.rejected(in: response.body))
        case 429, 502, 503, 504: self = .again(after: CollectorAnswer.pause(of: response), reason: "status \(response.status)")
        default: self = .refused(reason: "status \(response.status)")
        }
    }

    package init(_ error: HTTPError) {
        switch error.code {
        case .certificateRejected, .notAllowed, .addressNotPublic, .responseTooLarge: self = .refused(reason: error.code.rawValue)
        default: self = .again(after: nil, reason: error.code.rawValue)
        }
    }

    /// `{"partialSuccess": {"rejectedSpans": "3"}}`. An answer without it means that all were taken, even one that is no JSON.
    private static func rejected(in body: [UInt8]) -> Int {
        guard let count = (try? JSON(parsing: body))?["partialSuccess"]?["rejectedSpans"] else { return 0 }
        let number = count.integer ?? count.string.flatMap { Int64($0) } ?? 0
        return Int(clamping: max(number, 0))
    }

    /// The seconds of `Retry-After`. A date is not read: the worker's own pause applies then.
    private static func pause(of response: HTTPResponse) -> Duration? {
        guard let text = response.header("retry-after"), let seconds = UInt32(text) else { return nil }
        return min(.seconds(seconds), longestPause)
    }
}
