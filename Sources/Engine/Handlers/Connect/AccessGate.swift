import Contract

/// Who may connect at all: tenants whose integration was configured before its successor was released (`Rules` L1, A3, A4).
///
/// A lane passes once. It stays eligible from then on, also after a reset, and whatever becomes of the connect that passed.
struct AccessGate {
    /// `nil` lets everybody pass.
    let cutoff: Timestamp?

    /// - Parameter firstConfiguredAt: when the tenant configured the integration first; unknown is not before the cutoff.
    func admits(isEligible: Bool, firstConfiguredAt: Timestamp?) -> Bool {
        guard !isEligible, let cutoff else { return true }
        guard let firstConfiguredAt else { return false }
        return firstConfiguredAt < cutoff
    }
}
