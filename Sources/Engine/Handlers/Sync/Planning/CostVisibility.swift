import Autotask
import Contract
import Store

/// Whether the API user sees costs. Autotask shows costs to other users as empty or zero, and silently ignores costs that they write
/// (`Rules` L37). Then costs are neither compared nor counted.
enum CostVisibility {
    /// Some service shows a cost.
    case shown
    /// A cost was written and did not show.
    case hidden
    /// Not known yet.
    case unknown

    /// - Parameters:
    ///   - remembered: ``Capabilities/costVisible`` from earlier jobs. Costs that were visible once may be hidden now.
    ///   - emptyBefore: ids of services whose cost was empty when they were last seen.
    init(_ services: [AutotaskService], remembered: Bool?, emptyBefore: Set<Int64> = []) {
        if CostVisibility.areShown(services) || services.contains(where: { $0.fields.unitCost != nil && emptyBefore.contains($0.id) }) {
            self = .shown
        } else {
            self = remembered == false ? .hidden : .unknown
        }
    }

    /// A cost other than zero shows that costs are visible. So does a zero among empty costs, because hidden costs all look the same.
    private static func areShown(_ services: [AutotaskService]) -> Bool {
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

    /// The visibility after a read-back.
    ///
    /// - Parameter hasWrittenCost: whether one of the services read was written with a cost other than zero.
    func learning(from services: [AutotaskService], hasWrittenCost: Bool) -> CostVisibility {
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

    /// Whether the cost that Autotask shows differs from the desired one, or must be assumed to differ. An empty cost is zero.
    func differs(_ shown: Money?, from desired: Money?) -> Bool {
        if self == .hidden, (shown ?? .zero) == .zero { return false }
        return (shown ?? .zero) != (desired ?? .zero)
    }
}

extension TenantSession {
    /// Remembers whether costs are visible, if that is known.
    func learn(_ costs: CostVisibility) {
        if let isVisible = costs.remembered { connection.capabilities.costVisible = isVisible }
    }
}

extension Money {
    static let zero = Money(tenThousandths: 0)
}
