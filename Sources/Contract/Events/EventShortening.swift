/// Omits details of an event, the least needed first, until the rest fits.
///
/// It keeps counts, every element of every list of services, and each service's key, status, outcome, id and error code. The data says what
/// is missing (`omitted`) and where to read it (`rest`).
struct EventShortening {
    /// `nil` if even the required part is too large.
    private(set) var result: JSONObject?

    /// Limits for texts, in bytes of JSON. No text that a person reads is longer than the first.
    private static let excessive = 4096
    private static let long = 256
    private static let short = 64

    /// The steps: what each omits, and its name in `omitted`.
    private static let steps: [(name: String, change: @Sendable (JSON) -> JSON)] = [
        ("texts over 4096 bytes", { $0.withTexts(within: excessive) }),
        ("services.changes", { $0.changing(["services", "changes"]) { _ in [] } }),
        ("services.overwritten", { $0.changing(["services", "overwritten"]) { _ in [] } }),
        (
            "texts of warnings",
            { data in
                [["services", "warnings", "message"], ["warnings", "message"]].reduce(data) { $0.changing($1) { $0.withTexts(within: 32) } }
            }
        ),
        ("warnings", { $0["services"] == nil ? $0 : $0.changing(["warnings"]) { _ in [] } }),
        ("texts of errors", { $0.changing(["services", "error"]) { $0.withTexts(within: short) } }),
        ("billingCodes.description", { $0.changing(["billingCodes", "description"]) { _ in .null } }),
        ("texts over 256 bytes", { $0.withTexts(within: long) }),
        ("texts over 64 bytes", { $0.withTexts(within: short) }),
    ]

    /// - Parameters:
    ///   - data: the event's data.
    ///   - room: the most bytes that the data may take.
    init(_ data: JSONObject, of event: OrderedEvent, room: Int) {
        var json = JSON.object(data)
        var omitted: [JSON] = []
        for step in EventShortening.steps {
            let shorter = step.change(json)
            guard shorter != json else { continue }
            json = shorter
            omitted.append(.string(step.name))
            var members = json.object ?? data
            members["truncated"] = true
            members["omitted"] = .array(omitted)
            members["rest"] = .string(event.wayToTheRest)
            if JSON.object(members).encoded.count <= room {
                result = members
                return
            }
        }
    }

    /// The object with its texts cut until it fits, if that is enough.
    static func shortened(_ members: JSONObject, room: Int) -> JSONObject { shortened(.object(members), room: room).object ?? members }

    static func shortened(_ json: JSON, room: Int) -> JSON {
        var json = json
        for limit in [excessive, long, short, 16] where json.encoded.count > room {
            json = json.withTexts(within: limit)
            if limit < excessive { json = json.changing(["changes"]) { _ in [] }.changing(["overwritten"]) { _ in [] } }
        }
        return json
    }
}

extension OrderedEvent {
    /// The command that shows what a shortened event omits.
    fileprivate var wayToTheRest: String {
        guard let job = event.jobID else { return "autotask-worker job drift --tenant \(event.lane.tenant) --wait --json" }
        return "autotask-worker sync show \(job) --tenant \(event.lane.tenant) --json"
    }
}

extension JSON {
    /// Members with short texts that programs compare or follow; they are never cut.
    private static let verbatim: Set<String> = [
        "jobId", "key", "serviceKey", "planId", "previewId", "expiresAt", "status", "outcome", "state", "code", "category", "fixableBy",
        "retryAt",
        "needsAcknowledgement", "webUrl", "apiUrl", "severity", "step", "result", "until", "readAt", "causedBy", "supersededBy", "rest",
        "omitted",
    ]

    /// The value with each text cut to a number of bytes of JSON, except for ``verbatim`` members.
    fileprivate func withTexts(within limit: Int) -> JSON {
        switch self {
        case .null, .bool, .number: self
        case .string(let text): .string(text.cut(to: limit))
        case .brokenString(let escaped, let readable): escaped.utf8.count > limit ? .string(readable.cut(to: limit)) : self
        case .array(let elements): .array(elements.map { $0.withTexts(within: limit) })
        case .object(let object):
            .object(object.mappingValues { JSON.verbatim.contains($0) ? $1 : $1.withTexts(within: limit) })
        }
    }

    /// The value with the members at the end of a path changed. In a list, the change applies to every element.
    fileprivate func changing(_ path: [String], _ change: (JSON) -> JSON) -> JSON { changing(path[...], change) }

    private func changing(_ path: ArraySlice<String>, _ change: (JSON) -> JSON) -> JSON {
        guard let name = path.first else { return change(self) }
        switch self {
        case .array(let elements): return .array(elements.map { $0.changing(path, change) })
        case .object(let object):
            guard object[name] != nil else { return self }
            return .object(object.mappingValues { $0 == name ? $1.changing(path.dropFirst(), change) : $1 })
        case .null, .bool, .number, .string, .brokenString: return self
        }
    }
}

extension JSONObject {
    fileprivate func mappingValues(_ change: (_ name: String, JSON) -> JSON) -> JSONObject {
        JSONObject(uniqueMembers: members.map { Member(name: $0.name, value: change($0.name, $0.value)) })
    }
}

extension String {
    /// The text, or its longest prefix that fits a number of bytes of JSON with an ellipsis.
    fileprivate func cut(to limit: Int) -> String {
        // A byte takes at most six in JSON.
        guard utf8.count > limit / 6, JSON.string(self).encoded.count > limit + 2 else { return self }
        var bytes = 3
        var end = startIndex
        while end < endIndex {
            let character = self[end]
            bytes += JSON.string(String(character)).encoded.count - 2
            if bytes > limit { break }
            end = index(after: end)
        }
        return self[..<end] + "…"
    }
}
