import Contract
import Store
import Telemetry

/// The identity of the spans of a job's attempts, which follows from the job: a later attempt knows the first one's without asking the store,
/// and all spans of a job that has no `traceparent` share a trace.
struct AttemptIDs {
    private let lane: Lane
    private let job: JobID
    private let acceptedAt: Timestamp
    private let ordinal: Int

    /// - Parameter ordinal: the number of the attempt, from 1.
    init(of job: JobID, acceptedAt: Timestamp, ordinal: Int = 1, in lane: Lane) {
        self.lane = lane
        self.job = job
        self.acceptedAt = acceptedAt
        self.ordinal = ordinal
    }

    init(of job: QueuedJob, in lane: Lane) {
        self.init(of: job.id, acceptedAt: job.acceptedAt, ordinal: job.ordinal, in: lane)
    }

    /// Where the job's spans belong.
    ///
    /// - Parameter traceparent: the job's own.
    /// - Returns: the trace, and the portal's span if there is one; `nil` if the job is not sampled. This allocates nothing.
    func place(below traceparent: String?, _ tracer: WorkerTracer) -> (trace: SpanContext.TraceID, parent: SpanContext?)? {
        if let traceparent, tracer.ignores(traceparent) { return nil }
        guard let parent = traceparent.flatMap({ SpanContext(traceparent: $0) }) else {
            return tracer.samples(traceID) ? (traceID, nil) : nil
        }
        return tracer.samples(parent) ? (parent.traceID, parent) : nil
    }

    var traceID: SpanContext.TraceID { SpanContext.TraceID(high: hash(.traceHigh), low: hash(.traceLow)) }
    var spanID: UInt64 { hash(.span(ordinal)) }
    var firstSpanID: UInt64 { hash(.span(1)) }

    private enum Purpose {
        case traceHigh
        case traceLow
        case span(Int)

        var number: UInt64 {
            switch self {
            case .traceHigh: 1 << 62
            case .traceLow: 2 << 62
            case .span(let ordinal): UInt64(ordinal)
            }
        }
    }

    /// FNV-1a, which every worker computes alike, unlike `Hasher`. Ids of scheduled checks repeat, their times do not.
    private func hash(_ purpose: Purpose) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            // A byte that no text has.
            hash = hash &* 0x100_0000_01B3
        }
        add(lane.tenant.description)
        add(lane.product.rawValue)
        add(job.description)
        hash = (hash ^ UInt64(bitPattern: acceptedAt.millisecondsSinceEpoch)).scrambled
        return max((hash ^ purpose.number).scrambled, 1)
    }
}

extension QueuedJob {
    /// The number of the attempt that has begun, from 1. It rises with each attempt but those that are put back.
    var ordinal: Int { attempts + interruptions + heldUp }
}
