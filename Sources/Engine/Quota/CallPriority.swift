import Contract
import Store

/// How long a call is let through while a database's hourly quota, which all its integrations share, is used up.
enum CallPriority: CaseIterable, Sendable {
    /// Somebody waits for it in front of a page, and it takes three calls: never held back by usage.
    case connect
    /// A sync that has written: to leave it half done would cost more calls later, and shows at the tenant.
    case finishing
    /// A sync that has not written yet.
    case interactive
    /// What changes nothing in Autotask, and that somebody asked for.
    case reading
    /// What nobody asked for at this moment.
    case scheduled

    /// From this usage on it waits, in percent of the quota; `nil`: it never waits. Autotask itself slows everybody down from 50 and 75 on, and
    /// answers nobody at 100 (`Rules`, "What Autotask imposes").
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

extension JobContext {
    /// Of this attempt's calls.
    var callPriority: CallPriority {
        if job.isScheduled { return .scheduled }
        return switch job.kind {
        // A reset makes no calls.
        case .connect, .reset: .connect
        case .sync: hasWritten ? .finishing : .interactive
        case .billingCodes, .preview, .verify, .drift, .diagnose: .reading
        }
    }
}
