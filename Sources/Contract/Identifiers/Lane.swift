/// Which of the vendor's products an integration belongs to. A tenant may connect both; a reset touches one.
package enum Product: String, CaseIterable, Sendable {
    case workplace
    case fileProtection
}

/// A tenant's integration of one product: what is connected, synced and reset, and within which jobs run one at a time, in order.
package struct Lane: Hashable, Sendable, CustomStringConvertible {
    package let tenant: TenantID
    package let product: Product

    package init(tenant: TenantID, product: Product) {
        self.tenant = tenant
        self.product = product
    }

    package var description: String { "\(tenant)/\(product.rawValue)" }
}
