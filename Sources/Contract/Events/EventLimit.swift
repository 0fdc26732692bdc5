/// The size of the largest event that the worker publishes, in bytes of the whole CloudEvent. That is the body of the AMQP message, which
/// the broker's `max_message_size` also limits.
package struct EventLimit: Hashable, Sendable {
    /// A quarter of the message size that `deploy/rabbitmq` allows.
    package static let standard = EventLimit(bytes: 1 << 20)
    /// Enough for one page with one service.
    package static let smallest = 4096

    package let bytes: Int

    package init(bytes: Int) { self.bytes = max(bytes, EventLimit.smallest) }
}

/// One of the pages in which an event is published.
package struct EventPage: Hashable, Sendable {
    /// The page's number, from 1.
    package var number: Int
    package var count: Int

    package init(number: Int, count: Int) {
        self.number = number
        self.count = count
    }

    package var isLast: Bool { number == count }
}

extension OrderedEvent {
    /// The event as the worker publishes it: as it is, shortened, or in pages.
    ///
    /// An event within the limit stays as it is. A larger one first loses details (``EventShortening``), which `data` names in `truncated`,
    /// `omitted` and `rest`. It keeps counts, and each service's key, status, outcome, id and error code. If that is still too large, the
    /// whole event is published in pages. Each page has all members that are not lists, and a share of each list. Only the last page is the
    /// terminal event, with the event's id and place in the sequence.
    ///
    /// The result depends only on the event and the limit, so an event that is published again is the same. Time and memory are
    /// proportional to the event.
    package func parts(within limit: EventLimit) -> [OrderedEvent] {
        // Nearly every event is far below the limit, which this bound shows without encoding it.
        if event.data.count + maximumEnvelopeBytes <= limit.bytes { return [self] }
        let envelope = envelopeBytes
        guard envelope + event.data.count > limit.bytes else { return [self] }
        // The worker wrote this JSON itself: no limits apply.
        guard let data = (try? JSON(parsing: event.data, maximumValues: .max))?.object else { return [self] }
        let room = limit.bytes - envelope
        if let short = EventShortening(data, of: self, room: room).result { return [with(short)] }
        return pages(of: data, room: room)
    }

    /// An upper bound of ``envelopeBytes``: an escaped character takes six bytes, and the other attributes take less than 1024.
    private var maximumEnvelopeBytes: Int {
        let texts = [
            event.id, event.lane.tenant.description, event.traceparent ?? "", event.jobID?.description ?? "",
            event.redriveOf?.description ?? "",
        ]
        return texts.reduce(1024) { $0 + 6 * $1.utf8.count }
    }

    /// The size of the event without ``Event/data``, in bytes.
    private var envelopeBytes: Int {
        var bare = self
        bare.event.data = []
        return bare.encoded.count
    }

    private func with(_ data: JSONObject) -> OrderedEvent {
        var copy = self
        copy.event.data = JSON.object(data).encoded
        return copy
    }

    private func pages(of data: JSONObject, room: Int) -> [OrderedEvent] {
        let lists = data.members.compactMap { member in member.value.array.map { (name: member.name, elements: $0) } }
        var frame = data
        for list in lists { frame[list.name] = [] }
        frame = EventShortening.shortened(frame, room: room / 2)
        // What a page adds: its number, the page count, the longer id of all but the last page, and `truncated`.
        let reserve = 64
        let share = max(room - JSON.object(frame).encoded.count - reserve, 0)

        var pages: [(data: JSONObject, lists: [[JSON]])] = []
        var page = (data: frame, lists: lists.map { _ in [JSON]() })
        var used = 0
        for (index, list) in lists.enumerated() {
            for whole in list.elements {
                var element = whole
                var size = element.encoded.count + 1
                if size > share {
                    element = EventShortening.shortened(element, room: share)
                    size = element.encoded.count + 1
                }
                if used > 0, used + size > share {
                    pages.append(page)
                    page = (data: frame, lists: lists.map { _ in [] })
                    used = 0
                }
                if element != whole { page.data["truncated"] = true }
                page.lists[index].append(element)
                used += size
            }
        }
        pages.append(page)
        return pages.enumerated().map { index, page in
            let place = EventPage(number: index + 1, count: pages.count)
            var members = page.data
            for (list, elements) in zip(lists, page.lists) { members[list.name] = .array(elements) }
            members["page"] = JSON(place.number)
            members["pages"] = JSON(place.count)
            var part = with(members)
            part.page = place
            if !place.isLast {
                part.event.id += ".\(place.number)"
                part.sequence = nil
            }
            return part
        }
    }
}
