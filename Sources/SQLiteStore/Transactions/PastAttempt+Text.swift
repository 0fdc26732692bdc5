import Contract
import Store

/// The form of attempts in a job's row: JSON objects, each followed by a comma. So the statement that changes the row can append
/// another.
extension PastAttempt {
    var text: String {
        var object: JSONObject = ["at": JSON(at.millisecondsSinceEpoch)]
        switch ending {
        case .deferred(let code, let until):
            object["until"] = JSON(until.millisecondsSinceEpoch)
            if let code { object["code"] = .string(code.rawValue) }
        case .interrupted(let worker):
            object["worker"] = .string(worker.description)
        }
        return String(decoding: JSON.object(object).encoded, as: UTF8.self) + ","
    }

    /// - Parameter text: the ``text`` of all attempts, joined.
    static func history(_ text: String) throws -> [PastAttempt] {
        guard !text.isEmpty else { return [] }
        guard let entries = try? JSON(parsing: Array("[\(text.dropLast())]".utf8)).array else { throw PastAttempt.unreadable }
        return try entries.map { entry in
            guard let at = entry["at"]?.moment else { throw PastAttempt.unreadable }
            if let worker = entry["worker"]?.string { return PastAttempt(at: at, ending: .interrupted(WorkerID(worker))) }
            guard let until = entry["until"]?.moment else { throw PastAttempt.unreadable }
            let code = entry["code"]?.string.flatMap { ErrorCode(rawValue: $0) }
            return PastAttempt(at: at, ending: .deferred(because: code, until: until))
        }
    }

    private static var unreadable: StoreError {
        StoreError(.corrupt, "The history of a job's attempts is unreadable. Restore the store from a backup.")
    }
}

extension String {
    /// The error code of the last failure in a text of attempts; `nil` if there is none.
    var lastCode: String? {
        guard let start = ranges(of: "\"code\":\"").last?.upperBound, let end = self[start...].firstIndex(of: "\"") else { return nil }
        return String(self[start..<end])
    }
}

extension JSON {
    var moment: Timestamp? { integer.map { Timestamp(millisecondsSinceEpoch: $0) } }
}
