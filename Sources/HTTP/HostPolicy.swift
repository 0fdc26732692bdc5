/// Which hosts may be spoken to: `https` to `*.autotask.net`, and what the operator lists, also over plain `http` (a simulator).
package struct HostPolicy: Sendable {
    /// `host` or `host:port`, lower case, as given in `AUTOTASK_ALLOWED_HOSTS`.
    package let additionalHosts: Set<String>

    package init(additionalHosts: Set<String> = []) {
        self.additionalHosts = Set(additionalHosts.map { $0.lowercased() })
    }
}
