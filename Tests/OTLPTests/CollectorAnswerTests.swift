import HTTP
import OTLP
import Testing

/// What an answer of the collector means.
struct CollectorAnswerTests {
    @Test(arguments: [
        (200, "{}", 0), (200, "", 0), (202, "no JSON", 0), (200, #"{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "x"}}"#, 3),
        (200, #"{"partialSuccess": {"rejectedSpans": 2}}"#, 2), (200, #"{"partialSuccess": {"rejectedSpans": "-9"}}"#, 0),
    ])
    func `a success may leave spans out`(status: Int, body: String, rejected: Int) {
        #expect(CollectorAnswer(HTTPResponse(status: status, body: Array(body.utf8))) == .taken(rejected: rejected))
    }

    @Test(arguments: [429, 502, 503, 504])
    func `a busy collector is asked again, after the time that it names`(status: Int) {
        #expect(CollectorAnswer(HTTPResponse(status: status)) == .again(after: nil, reason: "status \(status)"))
        for (text, pause) in [("7", Duration.seconds(7)), ("4000000000", .seconds(300)), ("-1", nil), ("soon", nil)] {
            let response = HTTPResponse(status: status, headers: [("Retry-After", text)])
            #expect(CollectorAnswer(response) == .again(after: pause, reason: "status \(status)"))
        }
    }

    @Test(arguments: [301, 400, 401, 404, 413, 500, 501])
    func `another status is final`(status: Int) {
        #expect(CollectorAnswer(HTTPResponse(status: status)) == .refused(reason: "status \(status)"))
    }

    @Test(arguments: HTTPError.Code.allCases)
    func `a call without an answer is made again, unless that cannot help`(code: HTTPError.Code) {
        let isFinal = [.certificateRejected, .notAllowed, .addressNotPublic, .responseTooLarge].contains(code)
        let answer = CollectorAnswer(HTTPError(code, "x", mayHaveBeenSent: false))
        #expect(answer == (isFinal ? .refused(reason: code.rawValue) : .again(after: nil, reason: code.rawValue)))
    }
}
