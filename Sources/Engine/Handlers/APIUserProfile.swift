import Autotask
import Contract

/// What the worker learns of an API user whose credentials work: what it may do, and what the tenant's services are like.
struct APIUserProfile {
    var capabilities: Capabilities
    var serviceFields: ServiceFields

    /// Three calls, of which the first tells whether the credentials work and runs alone. Whether the user sees costs is left to the first sync:
    /// a service without a cost and one whose cost is hidden look the same.
    init(_ session: AutotaskSession) async throws(AutotaskError) {
        try await session.version()
        capabilities = try await session.serviceAccess()
        serviceFields = try await session.serviceFields()
    }
}
