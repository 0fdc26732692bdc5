import Contract

/// An API user of one database.
struct APIUser: Sendable {
    enum Security: String, Codable, Sendable {
        case full
        /// Costs read as null, and what is written to them is ignored silently.
        case cannotReadCosts
        /// Costs read as zero, and writes to them are silently ignored.
        case costsReadAsZero
        /// No permission to create or update.
        case readOnly
        /// Sees no service, though they exist: limited to a line of business that has none.
        case restrictedVisibility
        /// No permission to query either.
        case noAccess
    }

    let username: String
    var secret: String
    /// A tracking identifier of the user's own.
    var integrationCode: String?
    var security: Security
    var isActive: Bool
    var resourceID: Int64
    var isLocked: Bool { didSet { if !isLocked { consecutiveFailures = 0 } } }
    private(set) var consecutiveFailures = 0

    /// How users are told apart: letter case makes no difference.
    static func key(_ username: String) -> String { username.lowercased() }

    /// Whether the secret is right and the user may come in. A wrong one counts, and locks the user when it is the last one allowed.
    ///
    /// - Parameter limit: the failures in a row that lock; 0 for none.
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
    /// How costs read to a user who does not see them.
    var hiddenCost: FieldValue { self == .costsReadAsZero ? .money(.zero) : .null }
}
