import Contract
import Store
import Telemetry

/// The spans of the events of a batch that is published: one for each event of a sampled trace, below the span that made the event.
struct PublicationTraces {
    /// By the event's place in the batch.
    private var spans: [(place: Int, span: WorkerSpan)] = []

    /// It allocates nothing for events whose trace is not sampled.
    init(_ entries: [OutboxEntry], _ engine: EngineContext) {
        guard engine.tracer != nil else { return }
        for (place, entry) in entries.enumerated() {
            if let span = PublicationTraces.span(of: entry.event, engine) { spans.append((place, span)) }
        }
    }

    /// Begins the span of one publication.
    ///
    /// - Returns: `nil` if traces are off, or the event's trace is not sampled. This allocates nothing.
    static func span(of ordered: OrderedEvent, _ engine: EngineContext) -> WorkerSpan? {
        let event = ordered.event
        guard let tracer = engine.tracer, let traceparent = event.traceparent, !tracer.ignores(traceparent),
            let parent = SpanContext(traceparent: traceparent), tracer.samples(parent)
        else { return nil }
        let place = MessagePlace(of: event.type, for: event.lane.tenant, engine.settings)
        let span = tracer.span(.publish(template: place.template), in: parent.traceID, below: parent)
        span.describe(place, operation: "publish")
        span[.messageID] = .text(event.id)
        span[.tenant] = .text(event.lane.tenant.description)
        span[.product] = .text(event.lane.product.rawValue)
        if let jobID = event.jobID { span[.conversationID] = .text(jobID.description) }
        if let sequence = ordered.sequence { span[.sequence] = .number(sequence) }
        return span
    }

    /// - Parameter answers: the broker's, for each event of the batch.
    func end(_ answers: [BrokerAnswer]) {
        for (place, span) in spans {
            if place < answers.count { span.end(answers[place]) } else { span.end() }
        }
    }
}

extension WorkerSpan {
    /// Ends the span of a publication.
    func end(_ answer: BrokerAnswer) {
        if let failure = answer.failure { fail(failure) }
        end()
    }
}

extension BrokerAnswer {
    /// A word for an answer other than a confirmation.
    fileprivate var failure: String? {
        switch self {
        case .confirmed: nil
        case .refused: "refused"
        case .closed: "closed"
        case .suspected: "suspected"
        case .unavailable: "unavailable"
        case .missing: "missing"
        }
    }
}
