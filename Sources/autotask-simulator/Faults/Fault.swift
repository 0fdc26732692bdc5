import Contract

/// A fault that hits the calls that it selects.
struct Fault: Decodable, Sendable {
    enum Kind: String, Decodable, Sendable {
        /// Waits before it does the work, which it does even if the client has gone.
        case latency
        /// Does the work and closes the connection without an answer.
        case lostResponse
        /// Closes the connection at once and does the work later.
        case lateCommit
        /// Answers with the given status, and does nothing.
        case status
        /// Answers with a page of IIS, and does nothing.
        case serverError
        /// Answers 503 with a page of IIS, and does nothing.
        case unavailable
        /// Answers with a refusal of Autotask, and does nothing.
        case businessError
        /// Answers 429, and does nothing.
        case throttled
        /// Never answers, and does nothing.
        case hang
        /// Admits the call, and holds it until the fault is removed; then it does the work and answers.
        case hold
        /// Does the work and answers HTML with status 200.
        case notJSON
        /// Does the work and answers half of its JSON.
        case truncated
        /// Does the work and answers JSON of another shape.
        case wrongContent
        /// Closes the connection without reading the request.
        case closeBeforeReading
        /// Changes the database just before it handles the call.
        case change
    }

    let kind: Kind

    // The fault selects calls that match all of these that are not nil.
    var database: Int64?
    var user: String?
    var entity: String?
    var method: String?
    var operation: String?
    /// The number of selected calls to let through first.
    var skip: Int?
    /// The number of calls to hit after that; `nil` for all.
    var times: Int?

    // Parameters of some kinds.
    var milliseconds: Int?
    var upToMilliseconds: Int?
    var status: Int?
    var body: String?
    var contentType: String?
    var headers: [String: String]?
    var message: String?
    var retryAfterSeconds: Int?
    var change: DatabaseChange?

    /// A message about a missing or invalid parameter; `nil` if there is none.
    var complaint: String? {
        switch kind {
        case .latency where milliseconds == nil, .lateCommit where milliseconds == nil: "\(kind.rawValue) needs milliseconds"
        case .latency where upToMilliseconds.map({ $0 < milliseconds ?? 0 }) ?? false: "upToMilliseconds is below milliseconds"
        case .status where status == nil: "status needs a status"
        case .businessError where message == nil: "businessError needs a message"
        case .change where change == nil: "change needs a change"
        default: nil
        }
    }

    func selects(_ subject: Subject) -> Bool {
        func agrees(_ wanted: String?, _ value: String?) -> Bool { wanted == nil || wanted?.lowercased() == value?.lowercased() }
        return (database == nil || database == subject.database) && agrees(user, subject.user) && agrees(entity, subject.entity)
            && agrees(method, subject.method) && agrees(operation, subject.operation)
    }

    /// The properties of a call that are known before its body is read.
    struct Subject: Sendable {
        var database: Int64?
        var user: String?
        var entity: String
        var method: String
        var operation: String
    }
}

extension Fault {
    /// The delay that the fault causes.
    var delay: Duration {
        let least = milliseconds ?? 0
        return .milliseconds(Int.random(in: least...max(least, upToMilliseconds ?? least)))
    }

    /// The answer that replaces the work; `nil` for faults that let the work be done.
    var standIn: Answer? {
        switch kind {
        case .status:
            Answer(status: status ?? 500, contentType: contentType, headers: headers ?? [:], body: Array((body ?? "").utf8))
        case .serverError:
            .html(status ?? 500, "\(status ?? 500) - Internal server error.", "There is a problem with the resource you are looking for.")
        case .unavailable: .html(503, "Service Unavailable", "HTTP Error 503. The service is unavailable.")
        case .businessError: .refusal(Refusal(message ?? ""), status: status ?? 500)
        case .throttled: throttledAnswer
        default: nil
        }
    }

    private var throttledAnswer: Answer {
        var answer = Answer.throttled("API thread threshold of 3 threads has been exceeded")
        if let retryAfterSeconds { answer.headers["Retry-After"] = String(retryAfterSeconds) }
        return answer
    }

    /// Damages the answer after the work was done.
    func garble(_ answer: Answer) -> Answer {
        var garbled = answer
        switch kind {
        case .notJSON: garbled = .html(200, "Autotask", "Please wait.")
        case .truncated: garbled.body = Array(answer.body.prefix(answer.body.count / 2))
        case .wrongContent: garbled = .json([1])
        default: break
        }
        garbled.itemID = answer.itemID
        return garbled
    }
}
