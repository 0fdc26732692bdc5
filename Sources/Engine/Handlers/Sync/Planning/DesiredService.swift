import Contract

/// A service of the plan that is valid by itself: what is to stand in Autotask.
struct DesiredService {
    let key: String
    /// As typed.
    let name: String
    let nameKey: NameKey
    let unitPrice: Money
    let unitCost: Money
    let billingCodeID: Int64
    /// The tenant's id of the billing period.
    let periodType: Int64
}
