import Autotask
import Contract
import Synchronization

/// What an attempt has read of the tenant's database, for the audit log.
final class AttemptReading: Sendable {
    private struct State {
        var services: Set<Int64> = []
        var billingCodes = 0
    }

    /// So many ids are told one by one; how many there were is told in any case.
    private static let listed = 500

    private let state = Mutex(State())

    func note(_ services: [Service]) { state.withLock { $0.services.formUnion(services.lazy.map(\.id)) } }

    func note(_ codes: [BillingCode]) { state.withLock { $0.billingCodes += codes.count } }

    /// `nil` if nothing was read.
    var facts: JSON? {
        let (services, billingCodes) = state.withLock { ($0.services, $0.billingCodes) }
        guard !services.isEmpty || billingCodes > 0 else { return nil }
        return [
            "services": JSON(services.count), "serviceIds": .array(services.sorted().prefix(AttemptReading.listed).map { JSON($0) }),
            "billingCodes": JSON(billingCodes),
        ]
    }
}
