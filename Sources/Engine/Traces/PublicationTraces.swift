import Contract
import Store
import Telemetry

/// The spans of the events of a batch that is published: one for each event of a sampled trace, below the span that made the event.
struct PublicationTraces {
    /// By the event's place in the batch.
    private var spans: [(place: Int, span: WorkerSpan)] = []

    /// It allocates nothing for events whose trace is not sampled.
    init(_ entries: [OutboxEntry], _ engine: EngineContext) {
        guard let tracer = engine.tracer else { return }
        for (place, entry) in entries.enumerated() {
            guard let parent = entry.event.event.traceparent.flatMap({ SpanContext(traceparent: $0) }), tracer.samples(parent) else {
                continue
            }
            spans.append((place, PublicationTraces.begin(entry.event, below: parent, tracer, engine.settings)))
        }
    }

    private static func begin(
        _ ordered: OrderedEvent,
        below parent: SpanContext,
        _ tracer: WorkerTracer,
        _ settings: EngineSettings
    ) -> WorkerSpan {
        let event = ordered.event
        let place = MessagePlace(exchange: "\(settings.exchangePrefix).results", key: event.type.rawValue, tenant: event.lane.tenant)
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
            if place < answers.count, let failure = answers[place].failure { span.fail(failure) }
            span.end()
        }
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
