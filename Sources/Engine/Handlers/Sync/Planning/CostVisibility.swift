import Autotask
import Contract
import Store

/// Whether the API user sees costs. To one who does not, Autotask shows them as empty, and it ignores silently what such a user writes
/// (`rules.md` L37): then costs are neither compared nor counted.
enum CostVisibility {
    /// Some service shows one.
    case shown
    /// A cost was written and did not show.
    case hidden
    /// Nothing tells yet.
    case unknown

    /// - Parameter remembered: ``Capabilities/costVisible`` from earlier jobs. That costs were seen once is no proof that they still are.
    init(_ services: [Service], remembered: Bool?) {
        if services.contains(where: { $0.unitCost != nil }) {
            self = .shown
        } else {
            self = remembered == false ? .hidden : .unknown
        }
    }

    /// What is known after a read-back.
    ///
    /// - Parameter hasWrittenCost: whether one of the services read was written with a cost other than zero.
    func learning(from services: [Service], hasWrittenCost: Bool) -> CostVisibility {
        if services.contains(where: { $0.unitCost != nil }) { return .shown }
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
        if shown == nil, self == .hidden { return false }
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
