import Contract
import Store

/// Does the work of one kind of job.
///
/// A handler sees its claim, calls Autotask, and decides how the job ends. It never touches the job queue or the outbox. It returns an
/// outcome for every failure of Autotask, and throws only when the store does. If another worker has taken the lane over, it must stop at
/// once.
protocol JobHandler: Sendable {
    associatedtype Payload: Sendable

    func run(_ payload: Payload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome

    /// Ends a job that has written and must not continue (``RunMode/conclude(_:)``), without a call to Autotask.
    func conclude(_ payload: Payload, because reason: JobError, _ context: JobContext) async throws(StoreError) -> HandlerOutcome
}

/// The result of a handler: how the attempt should end, and what is stored with its end.
struct HandlerOutcome: Sendable {
    enum Ending: Sendable {
        /// The job has ended: `events` holds its terminal event. If it failed, the error is the one that this event carries.
        case finished(JobError?)
        /// The job cannot be done, for a reason that its portal cannot correct. It ends like ``finished``, and is dead-lettered.
        case givenUp(GivenUp)
        /// A transient failure. The handler wants to try the job again (``RetryWish``), and `job.deferred` reports it. If the wish is
        /// refused, the job ends with `failure`, its own failed event.
        case transient(JobError, earliest: Timestamp?, failure: Event)
        /// The job is put back and the attempt not counted: the tenant's database has no free place, or the program shuts down.
        case postponed
    }

    var ending: Ending
    /// In order: state events before the terminal event that they explain, `integration.enabled` after it.
    var events: [Event]
    /// Stored with every ending.
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
