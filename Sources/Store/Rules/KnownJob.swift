package import Contract

/// A known job, with which a delivery under the same id is compared.
package struct KnownJob: Sendable {
    package enum Answer: Sendable {
        /// It is another job.
        case conflict
        /// It has ended: its terminal event is published again.
        case replay(OrderedEvent)
        /// It waits or runs.
        case underWay
    }

    package var digest: [UInt8]
    package var finishedAt: Timestamp?
    /// The terminal event.
    package var event: OrderedEvent?

    package init(digest: [UInt8], finishedAt: Timestamp? = nil, event: OrderedEvent? = nil) {
        self.digest = digest
        self.finishedAt = finishedAt
        self.event = event
    }

    package func answer(to key: JobKey, at now: Timestamp) -> Answer {
        guard digest == key.digest else { return .conflict }
        guard let event, let finishedAt else { return .underWay }
        let isErased = event.event.data.isEmpty || finishedAt + Retention.data <= now
        return .replay(isErased ? event.erased : event)
    }
}

extension OrderedEvent {
    /// The terminal event without its data, once that is erased.
    fileprivate var erased: OrderedEvent {
        let bare = Event(
            id: event.id,
            type: event.type,
            lane: event.lane,
            jobID: event.jobID,
            redriveOf: event.redriveOf,
            time: event.time,
            traceparent: event.traceparent,
            data: ["erased": true]
        )
        return OrderedEvent(event: bare, epoch: epoch, sequence: nil)
    }
}
