import Autotask
import Contract

/// Messages and hints of the steps of a ``Diagnosis``.
extension DiagnosisStep {
    /// The zone was found, and serves the database of the connection.
    init(_ name: Name, serving zone: Zone, _ databaseID: Int64, movedFrom former: Zone) {
        let hasMoved = former.apiURL.lowercased() != zone.apiURL.lowercased()
        self.init(
            name,
            .passed,
            "The zone \(zone.name) serves the database \(databaseID)" + (hasMoved ? ", which has moved there from \(former.name)." : ".")
        )
    }

    init(_ name: Name, lookUpFailed failure: AutotaskError, in context: JobContext) {
        if failure.isOnTheWay {
            self.init(name, .skipped, "The zone look-up failed: see the previous steps.")
        } else {
            self.init(name, CallFailure(failure, in: context))
        }
    }

    /// A call that failed.
    init(_ name: Name, _ failure: CallFailure) {
        switch failure.cause?.kind {
        case .heldBack(let reason):
            let message =
                switch reason {
                case .outage: "Not tried: that part of Autotask failed a moment ago, so the worker holds calls to it back for now."
                case .limits: "Not tried: Autotask limits requests, so the worker makes none for now."
                case .quota: "Not tried: too much of the quota is used, so the worker holds such calls back."
                }
            self.init(name, .skipped, message, hint: "Run it again in a minute.")
        case _ where failure.cause?.isOnTheWay == true:
            self.init(name, .skipped, "No answer came: see the previous steps.")
        default:
            self.init(name, failure.error)
        }
    }

    /// What the API user may do with services, by Autotask's own description of them.
    init(_ name: Name, isAllowed: Bool, _ verb: String) {
        if isAllowed {
            self.init(name, .passed, "The API user may \(verb) services.")
        } else {
            self.init(name, AutotaskError(.permissionDenied(verb: verb, object: "services")).jobError)
        }
    }

    /// - Parameter count: the number of billing codes that a service may be set to.
    init(selectable count: Int) {
        if count > 0 {
            self.init(.queryBillingCodes, .passed, "The API user may query billing codes; \(count) can be selected.")
        } else {
            self.init(
                .queryBillingCodes,
                .warning,
                "The API user may query billing codes, but none is active and of the type Recurring Service.",
                hint: "Create or activate a recurring-service billing code in Autotask."
            )
        }
    }

    /// - Parameter wereShown: whether costs were visible before, although no service shows one now.
    init(_ costs: CostVisibility, wereShown: Bool) {
        switch (costs, wereShown) {
        case (.shown, _):
            self.init(.costVisibility, .passed, "The API user sees costs.")
        case (.hidden, _), (.unknown, true):
            self.init(
                .costVisibility,
                .warning,
                "The API user cannot see costs: Autotask ignores the unit cost that a sync writes.",
                hint: "Give the API user the security level API User (system), without Can't Read Costs."
            )
        case (.unknown, false):
            self.init(.costVisibility, .skipped, "Not known: no synchronized service has a cost.")
        }
    }

    /// - Parameter isKnown: whether Autotask reported the usage just now.
    init(_ usage: DatabaseQuota.Usage, isKnown: Bool) {
        let own = "\(usage.own.grouped) by this worker, which makes at most \(usage.ownLimit.grouped)"
        guard isKnown else {
            self.init(
                .quota,
                .warning,
                "Autotask does not report how much of the quota is used. Calls within the hour: \(own).",
                hint: "Check that the API user has the security level API User (system)."
            )
            return
        }
        let message = "\(usage.used.grouped) of \(usage.limit.grouped) requests were used within the hour, \(own)."
        if usage.own >= usage.ownLimit || CallPriority.interactive.band.map(usage.reaches) == true {
            self.init(.quota, JobError(.rateLimited, "\(message) A sync waits.", hint: DiagnosisStep.quotaAdvice))
        } else if CallPriority.reading.band.map(usage.reaches) == true {
            self.init(.quota, .warning, "\(message) Reading jobs wait.", hint: DiagnosisStep.quotaAdvice)
        } else {
            self.init(.quota, .passed, message)
        }
    }

    /// The query for the API usage failed temporarily: this says nothing about the API user's rights.
    init(_ usage: DatabaseQuota.Usage, unansweredBecause failure: CallFailure) {
        let reason = DiagnosisStep(.quota, failure)
        let own = "Within the hour this worker made \(usage.own.grouped) calls of at most \(usage.ownLimit.grouped)."
        self.init(.quota, .skipped, "\(reason.message) \(own)", hint: "Run it again in a minute.")
    }

    private static let quotaAdvice =
        "Wait: a request counts for one hour. If this happens often, find out in Autotask which integration makes the calls."

    /// A larger difference affects certificates and the portal's times.
    private static let clockTolerance: Duration = .seconds(60)

    /// - Parameter there: Autotask's time, to the second; `nil` if it did not report it.
    init(here: Timestamp, there: Timestamp?) {
        guard let there else {
            self.init(.clock, .skipped, "Autotask did not report its time.")
            return
        }
        let difference = here - there
        let seconds = abs(difference.wholeMilliseconds) / 1000
        guard seconds >= DiagnosisStep.clockTolerance.components.seconds else {
            self.init(.clock, .passed, "The worker and Autotask agree on the time.")
            return
        }
        self.init(
            .clock,
            .warning,
            "The worker's clock is \(Int(seconds).grouped) seconds \(difference > .zero ? "ahead of" : "behind") Autotask's.",
            hint: "Keep the worker's clock set by a time server (chrony, systemd-timesyncd)."
        )
    }
}

extension Int {
    /// `1,240`.
    fileprivate var grouped: String {
        var digits = String(magnitude)[...]
        var groups: [Substring] = []
        while digits.count > 3 {
            groups.insert(digits.suffix(3), at: 0)
            digits = digits.dropLast(3)
        }
        return (self < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }
}
