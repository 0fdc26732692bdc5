package import Contract

/// The broker users whose jobs are accepted, each for all tenants or for some of them (`Contract`, "Publishers").
///
/// A user without `=` may publish for every tenant. A tenant follows `=`, or a prefix of tenant names that ends in `*`. A user with several
/// entries may publish for each of them. Users and tenants are case-sensitive.
package struct TrustedPublishers: Hashable, Sendable {
    /// The tenants that a publisher may publish for.
    package enum Scope: Hashable, Sendable {
        case allTenants
        case tenants([TenantPattern])

        package func covers(_ tenant: TenantID) -> Bool {
            switch self {
            case .allTenants: true
            case .tenants(let patterns): patterns.contains { $0.covers(tenant) }
            }
        }
    }

    /// One tenant, or all tenants whose names share a prefix.
    package struct TenantPattern: Hashable, Sendable {
        let name: TenantID
        let isPrefix: Bool

        /// - Parameter text: `msp-4711`, or `acme-*`; anything else is `nil`.
        init?(_ text: Substring) {
            isPrefix = text.last == "*"
            guard let name = TenantID(String(isPrefix ? text.dropLast() : text)) else { return nil }
            self.name = name
        }

        func covers(_ tenant: TenantID) -> Bool {
            isPrefix ? tenant.description.utf8.starts(with: name.description.utf8) : tenant == name
        }
    }

    /// What is wrong with an entry.
    package struct Mistake: Error, Hashable, Sendable, CustomStringConvertible {
        /// A sentence without its full stop.
        package let description: String
    }

    /// The default: the user `portal`, for all tenants.
    package static let portal = TrustedPublishers(scopes: ["portal": .allTenants])

    /// The scope of each user.
    private var scopes: [String: Scope] = [:]

    private init(scopes: [String: Scope]) { self.scopes = scopes }

    /// - Parameter entries: `portal`, `reseller-acme=acme-*`, `reseller-acme=msp-4711`.
    package init(_ entries: [String]) throws(Mistake) {
        for entry in entries {
            guard let equals = entry.firstIndex(of: "=") else {
                try grant(.allTenants, to: entry)
                continue
            }
            let (user, tenants) = (entry[..<equals], entry[entry.index(after: equals)...])
            guard let last = user.last, last != " " else { throw Mistake(description: "\(entry) has no broker user right before =") }
            guard tenants != "*" else { throw Mistake(description: "\(entry) limits nothing; for all tenants, leave =* out") }
            guard let pattern = TenantPattern(tenants) else {
                throw Mistake(description: "\(entry) has no tenant after =, such as msp-4711, and no prefix, such as acme-*")
            }
            try grant(.tenants([pattern]), to: String(user))
        }
    }

    private mutating func grant(_ scope: Scope, to user: String) throws(Mistake) {
        switch (scopes[user], scope) {
        case (nil, _), (.allTenants, .allTenants): scopes[user] = scope
        case (.tenants(let before), .tenants(let more)): scopes[user] = .tenants(before + more)
        case (.allTenants, .tenants), (.tenants, .allTenants):
            throw Mistake(description: "\(user) is listed both alone, for all tenants, and with =, for some")
        }
    }

    /// In alphabetical order.
    package var users: [String] { scopes.keys.sorted() }

    /// The tenants that a user may publish for; `nil` for a user that is not trusted, and for a message without a user.
    package func scope(of user: String?) -> Scope? { user.flatMap { scopes[$0] } }
}
