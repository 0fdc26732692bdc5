import Contract
import HTTP

/// What Autotask answered to a call that it accepted.
struct Answer {
    let operation: AutotaskOperation
    let status: Int
    /// `null` for an empty body.
    let body: JSON
    /// Of the body, in bytes.
    let size: Int
    /// How long the exchange took.
    let elapsed: Duration
    /// What time it is there, to the second; `nil` if the answer does not say.
    let date: Timestamp?

    /// Reads a response.
    ///
    /// - Throws: the failure that the response stands for: any status but 2xx, a 2xx that lists errors, a body that is not JSON.
    init(_ response: HTTPResponse, to operation: AutotaskOperation, redacting redaction: Redaction) throws(AutotaskError) {
        self.operation = operation
        status = response.status
        size = response.body.count
        elapsed = response.elapsed
        date = response.header("date").flatMap { Timestamp(httpDate: $0) }
        guard (200..<300).contains(status) else {
            throw AutotaskError(response, to: operation, redacting: redaction)
        }
        if FailureText.isBlank(response.body) {
            body = .null
            return
        }
        guard let json = JSON(tolerating: response.body) else {
            throw AutotaskError(
                .malformedResponse,
                message: "the answer is not JSON",
                status: status,
                isOutcomeUnknown: operation.isWrite
            )
        }
        if !FailureText.errors(of: json).isEmpty {
            throw AutotaskError(response, to: operation, redacting: redaction)
        }
        body = json
    }

    /// The error of an answer that lacks what this one should hold. After a write, it leaves open what became of that.
    ///
    /// - Parameter message: constant text.
    func malformed(_ message: String) -> AutotaskError {
        AutotaskError(
            .malformedResponse,
            message: message,
            status: status,
            isOutcomeUnknown: operation.isWrite
        )
    }
}

extension HTTPTransport {
    /// Sends one request and reads its answer.
    func answer(
        to request: HTTPRequest,
        of operation: AutotaskOperation,
        redacting redaction: Redaction
    ) async throws(AutotaskError) -> Answer {
        let response: HTTPResponse
        do {
            response = try await send(request)
        } catch {
            throw AutotaskError(error, during: operation)
        }
        return try Answer(response, to: operation, redacting: redaction)
    }
}

extension JSON {
    /// Parses what a server sent; `nil` if it is not JSON.
    init?(tolerating bytes: [UInt8]) {
        guard let json = try? JSON(parsing: bytes, maximumValues: AnswerLimits.values) else { return nil }
        self = json
    }

    /// True or false, also in quotes.
    var truth: Bool? {
        switch string?.lowercased() {
        case nil: bool
        case "true": true
        case "false": false
        default: nil
        }
    }

    /// A whole number, also one in quotes: Autotask writes ids and picklist values either way.
    var wholeNumber: Int64? { integer ?? string.flatMap { Int64($0.trimmingSpaces) } }
}

extension String {
    /// Without outer spaces.
    var trimmingSpaces: Substring {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
