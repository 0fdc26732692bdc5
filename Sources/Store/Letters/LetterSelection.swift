package import Contract

/// A selection of dead letters: those that meet every criterion that is set.
package struct LetterSelection: Hashable, Sendable {
    package var ids: Set<Int64>?
    package var fingerprint: String?
    package var tenant: TenantID?
    package var reason: String?
    /// Letters older than this time.
    package var before: Timestamp?
    /// Letters with this id or a lower one; later letters have higher ids.
    package var upTo: Int64?

    package init(
        ids: Set<Int64>? = nil,
        fingerprint: String? = nil,
        tenant: TenantID? = nil,
        reason: String? = nil,
        before: Timestamp? = nil
    ) {
        self.ids = ids
        self.fingerprint = fingerprint
        self.tenant = tenant
        self.reason = reason
        self.before = before
    }

    package static let all = LetterSelection()

    package func includes(_ kept: KeptLetter) -> Bool {
        let letter = kept.letter
        return (ids?.contains(kept.id) ?? true) && (fingerprint.map { $0 == letter.cause.fingerprint } ?? true)
            && (tenant.map { $0 == letter.tenant } ?? true) && (reason.map { $0 == letter.reason } ?? true)
            && (before.map { letter.at < $0 } ?? true) && (upTo.map { kept.id <= $0 } ?? true)
    }
}
