import Contract
import Store

/// The form of attempts in a job's row, each followed by a comma: see ``PastAttempt``. Times of calls are relative to the beginning of the
/// attempt, to save space.
extension AttemptRecord {
    var text: String {
        var object: JSONObject = ["end": JSON(endedAt.millisecondsSinceEpoch)]
        if let begunAt { object["begin"] = JSON(begunAt.millisecondsSinceEpoch) }
        switch ending {
        case .finished: object["finished"] = true
        case .deferred(let code, let until):
            object["until"] = JSON(until.millisecondsSinceEpoch)
            if let code { object["code"] = .string(code.rawValue) }
        case .postponed: break
        case .interrupted(let worker): object["worker"] = .string(worker.description)
        }
        if !calls.isEmpty { object["calls"] = .array(calls.map { $0.json(after: begunAt ?? endedAt) }) }
        return String(decoding: JSON.object(object).encoded, as: UTF8.self) + ","
    }

    /// - Parameter text: the ``text`` of all attempts, joined.
    static func all(in text: String) throws -> [AttemptRecord] {
        guard !text.isEmpty else { return [] }
        guard let entries = try? JSON(parsing: Array("[\(text.dropLast())]".utf8), maximumValues: maximumValues).array else {
            throw AttemptRecord.unreadable
        }
        return try entries.map(AttemptRecord.init)
    }

    private init(_ entry: JSON) throws {
        guard let endedAt = entry["end"]?.moment else { throw AttemptRecord.unreadable }
        let begunAt = entry["begin"]?.moment
        let ending: Ending =
            if let worker = entry["worker"]?.string {
                .interrupted(WorkerID(worker))
            } else if let until = entry["until"]?.moment {
                .deferred(because: entry["code"]?.string.flatMap { ErrorCode(rawValue: $0) }, until: until)
            } else {
                entry["finished"] == true ? .finished : .postponed
            }
        let calls = try (entry["calls"]?.array ?? []).map { call in
            guard let call = CallRecord(call, after: begunAt ?? endedAt) else { throw AttemptRecord.unreadable }
            return call
        }
        self.init(begunAt: begunAt, endedAt: endedAt, ending: ending, calls: calls)
    }

    /// More than the values of all recorded attempts with all their calls.
    private static let maximumValues = 10_000_000

    private static var unreadable: StoreError {
        StoreError(.corrupt, "The record of a job's attempts is unreadable. Restore the store from a backup.")
    }
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
