import Autotask
import Contract
import Store

/// Billing codes as Autotask returned them at some moment, remembered between jobs for the portal's list and the checks of a sync.
///
/// They include inactive codes and those of another use type, so that a sync can say what is wrong with one.
struct ReadBillingCodes {
    let codes: [BillingCode]
    let readAt: Timestamp

    init(codes: [BillingCode], readAt: Timestamp) {
        self.codes = codes
        self.readAt = readAt
    }

    /// Decodes ``cached``; `nil` if another version of the program wrote it.
    init?(_ cached: CachedBillingCodes) {
        guard let records = try? JSON(parsing: cached.codes).array else { return nil }
        let codes = records.compactMap(BillingCode.init(json:))
        guard codes.count == records.count else { return nil }
        self.init(codes: codes, readAt: cached.readAt)
    }

    /// The form that the store keeps.
    var cached: CachedBillingCodes {
        CachedBillingCodes(readAt: readAt, codes: JSON.array(codes.map(\.json)).encoded)
    }

    /// The codes that a service may be set to, ordered by name.
    var selectable: [BillingCode] {
        codes.filter { $0.isActive && $0.isRecurringService }
            .map { (key: $0.name.lowercased(), code: $0) }
            .sorted { ($0.key, $0.code.id) < ($1.key, $1.code.id) }
            .map(\.code)
    }
}

extension JobContext {
    /// The remembered billing codes, if they are fresh enough to be used without a call.
    var freshBillingCodes: ReadBillingCodes? {
        guard let cached = state.billingCodes, now < cached.readAt + settings.billingCodesLifetime else { return nil }
        return ReadBillingCodes(cached)
    }
}
