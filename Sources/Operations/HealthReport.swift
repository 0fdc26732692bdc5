package import Contract

/// The state of a program, part by part: the answer of `/readyz`, and the output of `doctor`.
///
/// As JSON it is a health check response (draft-inadarei-api-health-check-06), which monitoring tools read.
package struct HealthReport: Hashable, Sendable {
    package enum Status: String, Comparable, Sendable {
        case pass
        /// It was not checked, or could not be: its state is unknown.
        case unknown
        /// It works, but an operator should look at it.
        case warn
        case fail

        private var rank: Int {
            switch self {
            case .pass: 0
            case .unknown: 1
            case .warn: 2
            case .fail: 3
            }
        }

        package static func < (left: Status, right: Status) -> Bool { left.rank < right.rank }
    }

    /// The check of one part.
    package struct Check: Hashable, Sendable {
        /// The part, in a word or two: `store`.
        package var name: String
        package var status: Status
        /// The finding. Safe to show.
        package var output: String
        /// The advice to the operator.
        package var advice: String?

        package init(_ name: String, _ status: Status, _ output: String, advice: String? = nil) {
            self.name = name
            self.status = status
            self.output = output
            self.advice = advice
        }

        /// A check that was not made.
        ///
        /// - Parameter reason: why it was not made.
        package static func notMade(_ name: String, _ reason: String, advice: String? = nil) -> Check {
            Check(name, .unknown, "Not checked: \(reason)", advice: advice)
        }

        /// A check that passes.
        package init(_ name: String, _ output: String) { self.init(name, .pass, output) }

        package static func warn(_ name: String, _ output: String, advice: String? = nil) -> Check {
            Check(name, .warn, output, advice: advice)
        }

        package static func fail(_ name: String, _ output: String, advice: String? = nil) -> Check {
            Check(name, .fail, output, advice: advice)
        }
    }

    package var checks: [Check]

    package init(_ checks: [Check]) { self.checks = checks }

    /// The worst status of its checks.
    package var status: Status { checks.map(\.status).max() ?? .pass }

    package var json: JSON {
        var parts: JSONObject = [:]
        for check in checks {
            var part: JSONObject = ["status": .string(check.status.word), "output": .string(check.output)]
            if check.status == .unknown { part["made"] = false }
            if let advice = check.advice { part["advice"] = .string(advice) }
            parts[check.name] = .array((parts[check.name]?.array ?? []) + [.object(part)])
        }
        return ["status": .string(status.word), "checks": .object(parts)]
    }
}

extension HealthReport.Status {
    /// The draft has three states: an unchecked component is `warn`.
    fileprivate var word: String { self == .unknown ? HealthReport.Status.warn.rawValue : rawValue }
}
