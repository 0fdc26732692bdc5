import Contract

/// The access gate: only tenants whose integration was configured before its successor was released may connect (`Rules` L1, A3, A4).
///
/// A lane passes once. It stays eligible from then on, even after a reset, and even if the connect that passed fails.
struct AccessGate {
    /// `nil` admits every tenant.
    let cutoff: Timestamp?

    /// - Parameter firstConfiguredAt: when the tenant first configured the integration; an unknown time does not count as before the
    ///   cutoff.
    func admits(isEligible: Bool, firstConfiguredAt: Timestamp?) -> Bool {
        guard !isEligible, let cutoff else { return true }
        guard let firstConfiguredAt else { return false }
        return firstConfiguredAt < cutoff
    }
}
