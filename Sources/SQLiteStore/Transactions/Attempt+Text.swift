import Contract
import Store

/// The form of attempts in a job's row: JSON objects, each followed by a comma, so that the statement that changes the row anyway appends one
/// more. Times of calls are relative to the beginning of the attempt, to save space.
extension Attempt {
    var text: String {
        var object: JSONObject = ["end": JSON(ended.millisecondsSinceEpoch)]
        object["begin"] = began.map { JSON($0.millisecondsSinceEpoch) }
        switch ending {
        case .finished: object["finished"] = true
        case .givenUp(let givenUp): object["givenUp"] = .string(givenUp.reason.rawValue)
        case .deferred(let until, _, let counts):
            object["until"] = JSON(until.millisecondsSinceEpoch)
            if !counts { object["heldUp"] = true }
        case .postponed: break
        case .interrupted(let worker): object["worker"] = .string(worker.description)
        }
        object["code"] = failure.map { .string($0.code.rawValue) }
        if apiCalls > 0 { object["apiCalls"] = JSON(apiCalls) }
        if wrote { object["wrote"] = true }
        if !calls.isEmpty { object["calls"] = .array(calls.map { $0.json(after: began ?? ended) }) }
        return String(decoding: JSON.object(object).encoded, as: UTF8.self) + ","
    }

    /// - Parameter text: the ``text`` of all attempts, joined.
    static func all(in text: String) throws -> [Attempt] {
        guard !text.isEmpty else { return [] }
        guard let entries = try? JSON(parsing: Array("[\(text.dropLast())]".utf8), maximumValues: maximumValues).array else {
            throw Attempt.unreadable
        }
        return try entries.map(Attempt.init)
    }

    private init(_ entry: JSON) throws {
        guard let ended = entry["end"]?.moment else { throw Attempt.unreadable }
        let began = entry["begin"]?.moment
        let calls = try (entry["calls"]?.array ?? []).map { call in
            guard let call = CallRecord(call, after: began ?? ended) else { throw Attempt.unreadable }
            return call
        }
        self.init(
            began: began,
            ended: ended,
            Ending(entry),
            calls: calls,
            apiCalls: Int(Int32(clamping: max(entry["apiCalls"]?.integer ?? 0, 0))),
            wrote: entry["wrote"] == true
        )
    }

    /// More than the values of all recorded attempts with all their calls.
    private static let maximumValues = 10_000_000

    private static var unreadable: StoreError {
        StoreError(.corrupt, "The record of a job's attempts is unreadable. Restore the store from a backup.")
    }
}

extension Attempt.Ending {
    fileprivate init(_ entry: JSON) {
        let error = entry["code"]?.string.flatMap { ErrorCode(rawValue: $0) }.map { JobError($0) }
        self =
            if let worker = entry["worker"]?.string {
                .interrupted(WorkerID(worker))
            } else if let until = entry["until"]?.moment {
                .deferred(until: until, because: error, counts: entry["heldUp"] != true)
            } else if let reason = entry["givenUp"]?.string.flatMap({ GivenUp.Reason(rawValue: $0) }), let error {
                .givenUp(GivenUp(reason, error))
            } else {
                entry["finished"] == true ? .finished(error) : .postponed
            }
    }
}

extension JSON {
    fileprivate var moment: Timestamp? { integer.map { Timestamp(clamping: $0) } }
}

extension CallRecord {
    fileprivate func json(after begin: Timestamp) -> JSON {
        let answer: JSON =
            switch answer {
            case .status(let status): JSON(status)
            case .none(let word): .string(word)
            }
        return [
            JSON((at - begin).wholeMilliseconds), .string(method), .string(host), .string(path), answer, JSON(duration.wholeMilliseconds),
        ]
    }

    fileprivate init?(_ json: JSON, after begin: Timestamp) {
        guard let parts = json.array, parts.count == 6, let at = parts[0].integer, let method = parts[1].string, let host = parts[2].string,
            let path = parts[3].string, let duration = parts[5].integer
        else { return nil }
        let answer: Answer
        if let status = parts[4].integer {
            answer = .status(Int(status))
        } else if let word = parts[4].string {
            answer = .none(word)
        } else {
            return nil
        }
        self.init(at: begin + .milliseconds(at), method: method, host: host, path: path, answer: answer, duration: .milliseconds(duration))
    }
}
