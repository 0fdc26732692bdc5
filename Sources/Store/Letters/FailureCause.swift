package import Contract

/// What failures have in common, whoever's they are.
package struct FailureCause: Hashable, Sendable {
    /// A short reason. At the door an ``ErrorCode``'s text, `untrusted` or `out_of_scope`, of a job a ``GivenUp/Reason``'s, of the broker RabbitMQ's own.
    package var reason: String
    package var kind: JobKind?
    /// What went wrong last, of a job that was given up.
    package var code: ErrorCode?
    /// The member of the job that is to blame.
    package var field: String?

    package init(reason: String, kind: JobKind? = nil, code: ErrorCode? = nil, field: String? = nil) {
        self.reason = reason
        self.kind = kind
        self.code = code
        self.field = field
    }

    /// By which letters of the same cause are known: a ``ShortHash`` of reason, kind, error code and field, in this order. The place in a list
    /// that a field may name is left out: `data.services[3].key` and `data.services[0].key` are one cause. Ids, tenants, times and texts are
    /// not in it, so that two tenants' letters of one cause have the same fingerprint. It never changes: operators note it down.
    package var fingerprint: String {
        ShortHash([reason, kind?.rawValue, code?.rawValue, field?.filter { !$0.isNumber }]).description
    }
}
