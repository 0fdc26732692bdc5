/// What a job asks for: the last part of its type, `autotask.job.<kind>`, and the first word of its routing key.
package enum JobKind: String, CaseIterable, Sendable {
    case connect
    case sync
    case reset
    case billingCodes = "billing-codes"
    case preview
    case verify
    case drift

    /// Whether this version does it. What is not built is refused as `not_supported`, never ignored.
    package var isSupported: Bool {
        switch self {
        case .connect, .sync, .reset, .billingCodes: true
        case .preview, .verify, .drift: false
        }
    }
}
