import Autotask
import Contract
import Store

/// Billing codes as Autotask told them at some moment: what is remembered between jobs, for the portal's list and for the checks of a sync.
///
/// They hold every code that was read, inactive ones and those of another use type included, so that a sync can say what is wrong with one.
struct ReadBillingCodes {
    let codes: [BillingCode]
    let readAt: Timestamp

    init(codes: [BillingCode], readAt: Timestamp) {
        self.codes = codes
        self.readAt = readAt
    }

    /// Reads back ``cached``; `nil` for what another version of the program left.
    init?(_ cached: CachedBillingCodes) {
        guard let records = try? JSON(parsing: cached.codes).array else { return nil }
        let codes = records.compactMap(BillingCode.init(json:))
        guard codes.count == records.count else { return nil }
        self.init(codes: codes, readAt: cached.readAt)
    }

    /// What the store keeps.
    var cached: CachedBillingCodes {
        CachedBillingCodes(readAt: readAt, codes: JSON.array(codes.map(\.json)).encoded)
    }

    /// Those that a service may be set to, in the order of their names.
    var selectable: [BillingCode] {
        codes.filter { $0.isActive && $0.isRecurringService }
            .map { (key: $0.name.lowercased(), code: $0) }
            .sorted { ($0.key, $0.code.id) < ($1.key, $1.code.id) }
            .map(\.code)
    }
}

extension JobContext {
    /// The billing codes that are remembered, if they were read lately enough; then no call is needed.
    var freshBillingCodes: ReadBillingCodes? {
        guard let cached = state.billingCodes, now < cached.readAt + settings.billingCodesLifetime else { return nil }
        return ReadBillingCodes(cached)
    }
}
