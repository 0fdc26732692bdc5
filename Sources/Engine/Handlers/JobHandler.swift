import Contract
import Store

/// Does the work of one kind of job.
///
/// A handler sees its claim, talks to Autotask, and says how the job ends; it never touches the queue or the outbox. Whatever Autotask does,
/// it returns an outcome. It throws only when the store does: when the lane is another's by now, it must stop at once.
protocol JobHandler: Sendable {
    associatedtype Payload: Sendable

    func run(_ payload: Payload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome

    /// Ends a job that has written and must not go on (``RunMode/conclude(_:)``), without a call to Autotask.
    func conclude(_ payload: Payload, because reason: JobError, _ context: JobContext) async throws(StoreError) -> HandlerOutcome
}

/// What a handler makes of an attempt: how it should end, and what is stored with that.
struct HandlerOutcome: Sendable {
    enum Ending: Sendable {
        /// The job is done: `events` holds its terminal event, and the error is the one that this event carries, if it failed.
        case finished(JobError?)
        /// The job cannot be done for a reason that its portal cannot remove: as ``finished``, and it is dead-lettered.
        case givenUp(GivenUp)
        /// The job should be tried again: see ``RetryWish``. Where it is not, `failure` ends it: the job's own failed event.
        case transient(JobError, earliest: Timestamp?, failure: Event)
        /// The job is put back and the attempt not counted: its database has no place at the moment, or the worker stops.
        case postponed
    }

    var ending: Ending
    /// In their order: state events before the terminal event that they explain, `integration.enabled` after it.
    var events: [Event]
    /// Stored with each ending.
    var changes: LaneChanges

    static func finished(_ events: [Event], changes: LaneChanges = LaneChanges()) -> HandlerOutcome {
        HandlerOutcome(ending: .finished(nil), events: events, changes: changes)
    }

    /// - Parameter events: the terminal one carries the error.
    static func failed(_ error: JobError?, _ events: [Event], changes: LaneChanges = LaneChanges()) -> HandlerOutcome {
        HandlerOutcome(ending: .finished(error), events: events, changes: changes)
    }

    /// - Parameter events: state events that are due whether or not the job is tried again.
    static func transient(
        _ error: JobError,
        earliest: Timestamp? = nil,
        failure: Event,
        events: [Event] = [],
        changes: LaneChanges = LaneChanges()
    ) -> HandlerOutcome {
        HandlerOutcome(ending: .transient(error, earliest: earliest, failure: failure), events: events, changes: changes)
    }

    static func postponed(events: [Event] = [], changes: LaneChanges = LaneChanges()) -> HandlerOutcome {
        HandlerOutcome(ending: .postponed, events: events, changes: changes)
    }
}
