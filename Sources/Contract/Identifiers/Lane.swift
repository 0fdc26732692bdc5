/// The vendor's product that an integration belongs to. A tenant may connect both; a reset affects one.
package enum Product: String, CaseIterable, Sendable {
    case workplace
    case fileProtection
}

/// One product of one tenant: the unit of connect, sync and reset. Its jobs run one at a time, in order.
package struct Lane: Hashable, Sendable, CustomStringConvertible {
    package let tenant: TenantID
    package let product: Product

    package init(tenant: TenantID, product: Product) {
        self.tenant = tenant
        self.product = product
    }

    package var description: String { "\(tenant)/\(product.rawValue)" }
}
