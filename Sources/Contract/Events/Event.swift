/// Something that happened, before it has a place in the lane's sequence.
///
/// The store gives it epoch and sequence in the transaction that holds its cause; from then on it is an ``OrderedEvent``.
package struct Event: Hashable, Sendable {
    /// The CloudEvent's id: unique, and the same each time the event is published.
    package var id: String
    package var type: EventType
    package var lane: Lane
    /// The job that it answers; `nil` for a state event.
    package var jobID: JobID?
    /// The original of the answered job, if that is the copy of a dead-lettered job.
    package var redriveOf: JobID?
    package var time: Timestamp
    package var traceparent: String?
    /// The encoded JSON object of `data`. For an event that answers a job it holds `jobId`.
    package var data: [UInt8]

    /// - Parameter data: the members of `data` without `jobId`, which is put first.
    package init(
        id: String,
        type: EventType,
        lane: Lane,
        jobID: JobID?,
        redriveOf: JobID? = nil,
        time: Timestamp,
        traceparent: String?,
        data: JSONObject
    ) {
        self.init(
            id: id,
            type: type,
            lane: lane,
            jobID: jobID,
            redriveOf: redriveOf,
            time: time,
            traceparent: traceparent,
            encodedData: Event.encode(data, jobID: jobID)
        )
    }

    /// - Parameter encodedData: the ``data`` of an earlier event.
    package init(
        id: String,
        type: EventType,
        lane: Lane,
        jobID: JobID?,
        redriveOf: JobID? = nil,
        time: Timestamp,
        traceparent: String?,
        encodedData: [UInt8]
    ) {
        self.id = id
        self.type = type
        self.lane = lane
        self.jobID = jobID
        self.redriveOf = redriveOf
        self.time = time
        self.traceparent = traceparent
        data = encodedData
    }

    private static func encode(_ members: JSONObject, jobID: JobID?) -> [UInt8] {
        guard let jobID else { return JSON.object(members).encoded }
        return JSON.object(JSONObject(first: "jobId", .string(jobID.description), then: members)).encoded
    }
}

/// An event with its place in the sequence. The outbox keeps it until the broker has confirmed it.
package struct OrderedEvent: Hashable, Sendable {
    package var event: Event
    /// The number of resets and restores of the lane.
    package var epoch: Int64
    /// The event's number, gapless from 1 within the epoch; `nil` for events that have none (``EventType/isSequenced``, and erased
    /// replays).
    package var sequence: Int64?
    /// The page, if the event is too large to be published as a whole (``parts(within:)``).
    package var page: EventPage?

    package init(event: Event, epoch: Int64, sequence: Int64?) {
        self.event = event
        self.epoch = epoch
        self.sequence = sequence
    }

    /// The `source` of every event.
    package static let source = "/autotask-worker"
    package static let contentType = "application/cloudevents+json"

    /// Whether it is the job's terminal event; of several pages only the last is.
    package var isTerminal: Bool { event.type.isTerminal && page?.isLast ?? true }

    package var typeAttribute: String { "autotask." + event.type.rawValue }
    package var routingKey: String { event.type.rawValue + "." + event.lane.tenant.description }

    /// The event as a CloudEvent in structured mode.
    package var encoded: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(event.data.count + 512)
        func append(_ name: StaticString, _ value: String) {
            output.append(UInt8(ascii: "\""))
            unsafe output.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
            output.append(contentsOf: "\":".utf8)
            JSON.append(quoted: value, to: &output)
            output.append(UInt8(ascii: ","))
        }
        output.append(UInt8(ascii: "{"))
        append("specversion", "1.0")
        append("id", event.id)
        append("source", OrderedEvent.source)
        append("type", typeAttribute)
        append("subject", event.lane.tenant.description)
        append("time", event.time.description)
        append("datacontenttype", "application/json")
        output.append(contentsOf: (isTerminal ? "\"terminal\":true," : "\"terminal\":false,").utf8)
        if let jobID = event.jobID { append("jobid", jobID.description) }
        if let redriveOf = event.redriveOf { append("redriveof", redriveOf.description) }
        append("product", event.lane.product.rawValue)
        output.append(contentsOf: "\"epoch\":\(epoch),".utf8)
        if let sequence { append("sequence", String(sequence)) }
        if let traceparent = event.traceparent { append("traceparent", traceparent) }
        output.append(contentsOf: "\"data\":".utf8)
        output.append(contentsOf: event.data)
        output.append(UInt8(ascii: "}"))
        return output
    }
}
