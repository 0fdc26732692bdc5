import Contract
import Store
import Telemetry

/// The spans of the jobs that intake accepts in one transaction: one for each sampled job, below the portal's span.
struct AcceptanceTraces {
    private let tracer: WorkerTracer
    private let engine: EngineContext
    private let begun: UInt64

    /// Begins when the deliveries have been read. `nil` while traces are off.
    init?(_ engine: EngineContext) {
        guard let tracer = engine.tracer else { return nil }
        self.tracer = tracer
        self.engine = engine
        begun = tracer.now
    }

    /// The deliveries are in the store. It allocates nothing for jobs that are not sampled.
    func end(_ items: [IntakeItem], _ acceptance: Acceptance, at acceptedAt: Timestamp) {
        for (item, outcome) in zip(items, acceptance.outcomes) {
            if case .job(let job) = item.content, case .accepted = outcome { record(job, acceptedAt) }
        }
    }

    private func record(_ job: AcceptableJob, _ acceptedAt: Timestamp) {
        let lane = job.key.lane
        let ids = AttemptIDs(of: job.key.id, acceptedAt: acceptedAt, in: lane)
        guard let (trace, parent) = ids.place(below: job.traceparent, tracer) else { return }
        let place = MessagePlace(of: job.kind, for: lane.tenant, engine.settings)
        let span = tracer.span(.receive(template: place.template), in: trace, below: parent, begunAt: begun)
        span.describe(place, operation: "receive")
        span[.messageID] = .text(job.key.id.description)
        span[.tenant] = .text(lane.tenant.description)
        span[.product] = .text(lane.product.rawValue)
        span[.jobKind] = .text(job.kind.rawValue)
        if let revision = job.revision { span[.revision] = .number(revision) }
        span.end()
    }
}
