/// An answer as received.
struct ReceivedAnswer: Sendable {
    var status: Int
    /// The header lines of the answer, each with its line end, without interim answers and trailers.
    var head: [UInt8]
    var body: [UInt8]
    var elapsed: Duration
}

extension HTTPResponse {
    init(_ answer: ReceivedAnswer) {
        self.init(status: answer.status, head: answer.head, body: answer.body, elapsed: answer.elapsed)
    }
}
