import Contract
import Store

/// Makes events, each with an id of its own.
struct EventMaker: Sendable {
    let entropy: any Entropy

    /// - Parameter jobID: the id of the job that it answers; `nil` for a state event.
    func event(
        _ type: EventType,
        in lane: Lane,
        answering jobID: JobID?,
        redriveOf: JobID? = nil,
        traceparent: String?,
        at now: Timestamp,
        _ data: JSONObject
    ) -> Event {
        Event(
            id: entropy.eventID(),
            type: type,
            lane: lane,
            jobID: jobID,
            redriveOf: redriveOf,
            time: now,
            traceparent: traceparent,
            data: data
        )
    }

    /// An event that answers an accepted job. Its trace context is the attempt's, or the job's own without one.
    func event(
        _ type: EventType,
        in lane: Lane,
        answering job: QueuedJob,
        traceparent: String? = nil,
        at now: Timestamp,
        _ data: JSONObject
    ) -> Event {
        event(type, in: lane, answering: job.id, redriveOf: job.redriveOf, traceparent: traceparent ?? job.traceparent, at: now, data)
    }
}
