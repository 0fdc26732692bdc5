/// Assembles an event from its pages, as a monitor does.
package struct EventPages: Sendable {
    /// The pages by the event's id, which is the id of its last page.
    private var pages: [String: [Int64: JSON]] = [:]

    package init() {}

    /// Adds one event as it was received.
    ///
    /// - Returns: the event with the lists of all its pages; the event itself if it has no pages; `nil` while pages are missing.
    package mutating func take(_ event: JSON) -> JSON? {
        guard let data = event["data"]?.object, let number = data["page"]?.integer, let count = data["pages"]?.integer,
            let id = event["id"]?.string
        else { return event }
        let isLast = number == count
        let name = isLast ? id : String(id.dropLast(".\(number)".count))
        pages[name, default: [:]][number] = event
        guard isLast, let found = pages.removeValue(forKey: name), found.count == Int(count) else { return nil }
        var whole = data
        whole["page"] = nil
        whole["pages"] = nil
        for member in data.members where member.value.array != nil {
            whole[member.name] = .array((1...count).flatMap { found[$0]?["data"]?[member.name]?.array ?? [] })
        }
        guard var object = event.object else { return nil }
        object["data"] = .object(whole)
        return .object(object)
    }
}
