import Contract
import HTTP

/// Autotask's answer to a call that it accepted.
struct Answer {
    let operation: AutotaskOperation
    let status: Int
    /// The parsed body; `null` for an empty one.
    let body: JSON
    /// The size of the body in bytes.
    let size: Int
    /// How long the exchange took.
    let elapsed: Duration
    /// Autotask's time, to the second; `nil` if the answer has no date.
    let date: Timestamp?

    /// Reads a response.
    ///
    /// - Parameter names: the members of records that are read; `nil` for all.
    /// - Throws: the failure that the response reports: a status other than 2xx, a 2xx that lists errors, or a body that is not JSON.
    init(
        _ response: HTTPResponse,
        to operation: AutotaskOperation,
        reading names: JSONMemberNames? = nil,
        redacting redaction: Redaction
    ) throws(AutotaskError) {
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
        guard let json = JSON(tolerating: response.body, reading: names) else {
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

    /// The error for an answer that lacks an expected part. After a write, its outcome is unknown.
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
        reading names: JSONMemberNames? = nil,
        redacting redaction: Redaction
    ) async throws(AutotaskError) -> Answer {
        let response: HTTPResponse
        do {
            response = try await send(request)
        } catch {
            throw AutotaskError(error, during: operation)
        }
        return try Answer(response, to: operation, reading: names, redacting: redaction)
    }
}

extension JSON {
    /// Parses a server's answer; `nil` if it is not JSON.
    ///
    /// - Parameter names: the members of records that are read; `nil` for all.
    init?(tolerating bytes: [UInt8], reading names: JSONMemberNames? = nil) {
        let json =
            if let names {
                try? JSON(parsing: bytes, maximumValues: AnswerLimits.values, keepingOfRecords: names)
            } else {
                try? JSON(parsing: bytes, maximumValues: AnswerLimits.values)
            }
        guard let json else { return nil }
        self = json
    }

    /// True or false, with or without quotes.
    var truth: Bool? {
        switch string?.lowercased() {
        case nil: bool
        case "true": true
        case "false": false
        default: nil
        }
    }

    /// A whole number, with or without quotes: Autotask writes ids and picklist values both ways.
    var wholeNumber: Int64? { integer ?? string.flatMap { Int64($0.trimmingSpaces) } }
}

extension String {
    /// The text without leading and trailing spaces.
    var trimmingSpaces: Substring {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
