/// Counts of what the store holds that is sealed under a key.
package struct KeyUse: Hashable, Sendable {
    /// Credentials keys of tenants that the key wraps.
    package var credentials: Int
    /// Accepted jobs that have not ended.
    package var jobs: Int
    /// Dead letters whose job is kept.
    package var letters: Int

    package init(credentials: Int = 0, jobs: Int = 0, letters: Int = 0) {
        self.credentials = credentials
        self.jobs = jobs
        self.letters = letters
    }

    package var isNone: Bool { self == KeyUse() }
}
