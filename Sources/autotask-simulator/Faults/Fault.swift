import Contract

/// Something that is to go wrong with the calls it selects.
struct Fault: Decodable, Sendable {
    enum Kind: String, Decodable, Sendable {
        /// Waits before the work is done; it is done even if the client has gone.
        case latency
        /// Does the work and closes the connection without an answer.
        case lostResponse
        /// Closes the connection at once and does the work later.
        case lateCommit
        /// Answers with the given status, doing nothing.
        case status
        /// Answers with a page of IIS, doing nothing.
        case serverError
        /// Answers 503 with a page of IIS, doing nothing.
        case unavailable
        /// Answers as Autotask refuses, doing nothing.
        case businessError
        /// Answers 429, doing nothing.
        case throttled
        /// Never answers, and does nothing.
        case hang
        /// Lets the call in, and holds it until the fault is removed: then the work is done and answered.
        case hold
        /// Does the work and answers HTML with status 200.
        case notJSON
        /// Does the work and answers half of its JSON.
        case truncated
        /// Does the work and answers JSON of another shape.
        case wrongContent
        /// Closes the connection without looking at the request.
        case closeBeforeReading
        /// Changes the database just before the call is looked at.
        case change
    }

    let kind: Kind

    // Which calls: those that agree with all that is not nil.
    var database: Int64?
    var user: String?
    var entity: String?
    var method: String?
    var operation: String?
    /// How many of them are let through first.
    var skip: Int?
    /// How many of them are hit then; all, if `nil`.
    var times: Int?

    // What some kinds need.
    var milliseconds: Int?
    var upToMilliseconds: Int?
    var status: Int?
    var body: String?
    var contentType: String?
    var headers: [String: String]?
    var message: String?
    var retryAfterSeconds: Int?
    var change: DatabaseChange?

    /// What the fault cannot do without and does not have; `nil` if nothing is amiss.
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

    /// What is known of a call before its body is read.
    struct Subject: Sendable {
        var database: Int64?
        var user: String?
        var entity: String
        var method: String
        var operation: String
    }
}

extension Fault {
    /// The wait that it causes.
    var delay: Duration {
        let least = milliseconds ?? 0
        return .milliseconds(Int.random(in: least...max(least, upToMilliseconds ?? least)))
    }

    /// What is answered instead of doing the work; `nil` for faults that do not stand in its way.
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

    /// Spoils the answer to work that was done.
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
