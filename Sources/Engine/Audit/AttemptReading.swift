import Autotask
import Contract

/// What an attempt read from the tenant's database, for the audit log.
struct AttemptReading {
    /// The maximum number of ids that are listed; the count is recorded in any case.
    private static let listed = 500

    private var services: Set<Int64> = []
    private var billingCodes = 0

    mutating func note(_ services: [AutotaskService]) { self.services.formUnion(services.lazy.map(\.id)) }

    mutating func note(_ codes: [BillingCode]) { billingCodes += codes.count }

    /// `nil` if nothing was read.
    var facts: JSON? {
        guard !services.isEmpty || billingCodes > 0 else { return nil }
        return [
            "services": JSON(services.count), "serviceIds": .array(services.sorted().prefix(AttemptReading.listed).map { JSON($0) }),
            "billingCodes": JSON(billingCodes),
        ]
    }
}
