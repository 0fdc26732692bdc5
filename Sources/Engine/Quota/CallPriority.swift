import Contract
import Store

/// The priority of a call while a database's hourly quota, which all its integrations share, is being used up.
enum CallPriority: CaseIterable, Sendable {
    /// A connect. A person waits for it at a page, and it takes three calls: usage never holds it back.
    case connect
    /// A sync that has written. To leave it half done would cost more calls later, and the tenant would see it.
    case finishing
    /// A sync that has not written yet.
    case interactive
    /// A requested job that changes nothing in Autotask.
    case reading
    /// A scheduled check.
    case scheduled

    /// The usage from which the call waits, in percent of the quota; `nil` if it never waits. Autotask itself slows all callers down from
    /// 50 and 75 on, and answers none at 100 (`Rules`, "What Autotask imposes").
    var band: Int? {
        switch self {
        case .connect: nil
        case .finishing: 95
        case .interactive: 90
        case .reading: 75
        case .scheduled: 50
        }
    }
}

extension CallPriority {
    /// The priority of a job's calls.
    init(of job: QueuedJob, hasWritten: Bool) {
        if job.isScheduled {
            self = .scheduled
            return
        }
        self =
            switch job.kind {
            // A reset makes no calls.
            case .connect, .reset: .connect
            case .sync: hasWritten ? .finishing : .interactive
            case .billingCodes, .preview, .verify, .drift, .diagnose: .reading
            }
    }
}

extension JobContext {
    /// The priority of this attempt's calls.
    var callPriority: CallPriority { CallPriority(of: job, hasWritten: hasWritten) }
}
