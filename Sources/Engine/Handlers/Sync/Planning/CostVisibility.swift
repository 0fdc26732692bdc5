import Autotask
import Contract
import Store

/// Whether the API user sees costs. To other users, Autotask shows them as empty or as zero, and it silently ignores costs that such a user
/// writes (`Rules` L37): then costs are neither compared nor counted.
enum CostVisibility {
    /// Some service shows one.
    case shown
    /// A cost was written and did not show.
    case hidden
    /// Nothing tells yet.
    case unknown

    /// - Parameters:
    ///   - remembered: ``Capabilities/costVisible`` from earlier jobs. That costs were seen once is no proof that they still are.
    ///   - emptyBefore: ids of services whose cost was empty when they were last seen.
    init(_ services: [Service], remembered: Bool?, emptyBefore: Set<Int64> = []) {
        if CostVisibility.areShown(services) || services.contains(where: { $0.fields.unitCost != nil && emptyBefore.contains($0.id) }) {
            self = .shown
        } else {
            self = remembered == false ? .hidden : .unknown
        }
    }

    /// A cost other than zero is visible. So is a zero among empty costs: hidden costs all look the same.
    private static func areShown(_ services: [Service]) -> Bool {
        var hasZero = false
        var hasEmpty = false
        for service in services {
            switch service.fields.unitCost {
            case nil: hasEmpty = true
            case .zero?: hasZero = true
            case .some: return true
            }
        }
        return hasZero && hasEmpty
    }

    /// What is known after a read-back.
    ///
    /// - Parameter hasWrittenCost: whether one of the services read was written with a cost other than zero.
    func learning(from services: [Service], hasWrittenCost: Bool) -> CostVisibility {
        if CostVisibility.areShown(services) { return .shown }
        return self == .unknown && hasWrittenCost ? .hidden : self
    }

    /// What the connection remembers; `nil` if there is nothing new to remember.
    var remembered: Bool? {
        switch self {
        case .shown: true
        case .hidden: false
        case .unknown: nil
        }
    }

    /// Whether a cost as Autotask shows it is certainly another than the desired one, or has to be taken for it. An empty cost is zero.
    func tells(_ shown: Money?, from desired: Money?) -> Bool {
        if self == .hidden, (shown ?? .zero) == .zero { return false }
        return (shown ?? .zero) != (desired ?? .zero)
    }
}

extension TenantSession {
    /// Remembers what became known of costs.
    func learn(_ costs: CostVisibility) {
        if let isVisible = costs.remembered { connection.capabilities.costVisible = isVisible }
    }
}

extension Money {
    static let zero = Money(tenThousandths: 0)
}
