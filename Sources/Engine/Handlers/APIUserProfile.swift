import Autotask
import Contract

/// What the worker learns about an API user whose credentials work: its permissions, and the fields of the tenant's services.
struct APIUserProfile {
    var capabilities: Capabilities
    var serviceFields: ServiceFields

    /// Makes three calls. The first shows whether the credentials work, and runs alone. Only the first sync can show whether the user sees
    /// costs, because a service without a cost looks like one whose cost is hidden.
    init(_ session: AutotaskSession) async throws(AutotaskError) {
        try await session.version()
        capabilities = try await session.serviceAccess()
        serviceFields = try await session.serviceFields()
    }
}
