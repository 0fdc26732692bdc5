import Contract

/// An API user of one database.
struct APIUser: Sendable {
    enum Security: String, Codable, Sendable {
        case full
        /// Costs read as null, and writes to them are silently ignored.
        case cannotReadCosts
        /// Costs read as zero, and writes to them are silently ignored.
        case costsReadAsZero
        /// No permission to create or update.
        case readOnly
        /// Sees none of the existing services: limited to a line of business without services.
        case restrictedVisibility
        /// No permission to query, create or update.
        case noAccess
    }

    let username: String
    var secret: String
    /// The user's own tracking identifier, if any.
    var integrationCode: String?
    var security: Security
    var isActive: Bool
    var resourceID: Int64
    var isLocked: Bool { didSet { if !isLocked { consecutiveFailures = 0 } } }
    private(set) var consecutiveFailures = 0

    /// The key of a user name, which ignores letter case.
    static func key(_ username: String) -> String { username.lowercased() }

    /// Checks whether the user may log in with a secret. It counts wrong secrets, and locks the user after the last one allowed.
    ///
    /// - Parameter limit: the number of consecutive failures that locks the user; 0 for none.
    mutating func authenticate(_ attempt: String, lockAfter limit: Int) -> Bool {
        guard isActive, !isLocked else { return false }
        if attempt == secret {
            consecutiveFailures = 0
            return true
        }
        consecutiveFailures += 1
        if limit > 0, consecutiveFailures >= limit { isLocked = true }
        return false
    }
}

extension APIUser.Security {
    var mayQuery: Bool { self != .noAccess }
    var mayWrite: Bool { self != .readOnly && self != .noAccess }
    var seesCosts: Bool { self != .cannotReadCosts && self != .costsReadAsZero }
    /// The cost that a user without access to costs reads.
    var hiddenCost: FieldValue { self == .costsReadAsZero ? .money(.zero) : .null }
}
