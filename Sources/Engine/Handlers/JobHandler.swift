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

/// How an attempt at a job ends.
struct HandlerOutcome: Sendable {
    enum Ending: Sendable {
        /// The job is done, well or not: `events` holds its terminal event.
        case finished
        /// The job cannot be done, and nothing that its portal could mend is the reason: as ``finished``, and it becomes a dead letter.
        case givenUp(GivenUp)
        /// Something transient: tried again later, not before `earliest`, with `job.deferred` telling so. When the attempts are spent,
        /// `failure` ends the job instead: the job's own failed event.
        case transient(JobError, earliest: Timestamp?, failure: Event)
        /// Put back, the attempt not counted: there is no place at the tenant's database right now, or the program is told to finish.
        case postponed
    }

    var ending: Ending
    /// In their order: state events before the terminal event that they explain, `integration.enabled` after it.
    var events: [Event]
    /// Stored with either ending.
    var changes: LaneChanges
    var apiCalls: Int

    static func finished(_ events: [Event], changes: LaneChanges = LaneChanges(), apiCalls: Int = 0) -> HandlerOutcome {
        HandlerOutcome(ending: .finished, events: events, changes: changes, apiCalls: apiCalls)
    }

    /// - Parameter events: state events that are due whether or not the job is tried again.
    static func transient(
        _ error: JobError,
        earliest: Timestamp? = nil,
        failure: Event,
        events: [Event] = [],
        changes: LaneChanges = LaneChanges(),
        apiCalls: Int = 0
    ) -> HandlerOutcome {
        HandlerOutcome(
            ending: .transient(error, earliest: earliest, failure: failure),
            events: events,
            changes: changes,
            apiCalls: apiCalls
        )
    }

    static func postponed(events: [Event] = [], changes: LaneChanges = LaneChanges(), apiCalls: Int) -> HandlerOutcome {
        HandlerOutcome(ending: .postponed, events: events, changes: changes, apiCalls: apiCalls)
    }
}
