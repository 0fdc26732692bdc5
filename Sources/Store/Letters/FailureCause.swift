package import Contract

/// The common cause of failures, regardless of the tenant.
package struct FailureCause: Hashable, Sendable {
    /// A short reason. Intake gives the text of an ``ErrorCode``, `untrusted` or `out_of_scope`. A job has the text of a ``GivenUp/Reason``,
    /// and the broker gives its own.
    package var reason: String
    package var kind: JobKind?
    /// The last error of a job that was given up.
    package var code: ErrorCode?
    /// The member of the job that caused the failure.
    package var field: String?

    package init(reason: String, kind: JobKind? = nil, code: ErrorCode? = nil, field: String? = nil) {
        self.reason = reason
        self.kind = kind
        self.code = code
        self.field = field
    }

    /// The name of a cause: a ``ShortHash`` of reason, kind, error code and field, in this order. It omits the place in a list
    /// that a field may name: `data.services[3].key` and `data.services[0].key` are one cause. It also omits ids, tenants, times and
    /// texts, so that two tenants' letters of one cause have the same fingerprint. It never changes, because operators write it down.
    package var fingerprint: String {
        ShortHash([reason, kind?.rawValue, code?.rawValue, field?.filter { !$0.isNumber }]).description
    }
}
