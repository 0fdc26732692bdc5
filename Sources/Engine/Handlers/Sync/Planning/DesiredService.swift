import Autotask
import Contract

/// A service of the plan that is valid by itself: what Autotask is to show.
struct DesiredService {
    let key: String
    let nameKey: NameKey
    /// Every one has a value. The name is as typed, the period the tenant's id of it.
    let fields: ManagedFields

    var name: String { fields.name }
    var unitPrice: Money { fields.unitPrice ?? .zero }
    var unitCost: Money { fields.unitCost ?? .zero }
}
