/// The kind of a job: the last part of its type, `autotask.job.<kind>`, and the first word of its routing key.
package enum JobKind: String, CaseIterable, Sendable {
    case connect
    case sync
    case reset
    case billingCodes = "billing-codes"
    case preview
    case verify
    case drift
    case diagnose

    /// The kinds of scheduled checks, which the worker also enters on its own.
    package static let scheduled: [JobKind] = [.verify, .drift]

    /// Whether a person waits for the answer when a portal publishes the job. Such a job ends soon, whether it succeeds or not.
    package var isInteractive: Bool {
        switch self {
        case .connect, .billingCodes, .preview, .verify, .drift, .diagnose: true
        case .sync, .reset: false
        }
    }

    static let typePrefix = "autotask.job."

    /// The kind of a full type.
    package init?(type: String) {
        guard type.hasPrefix(JobKind.typePrefix) else { return nil }
        self.init(rawValue: String(type.dropFirst(JobKind.typePrefix.count)))
    }

    /// The full type: `autotask.job.sync`.
    package var type: String { JobKind.typePrefix + rawValue }
}
