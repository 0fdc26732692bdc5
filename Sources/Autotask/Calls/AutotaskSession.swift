package import Contract
package import HTTP
import Synchronization

/// The calls of one job to one tenant's Autotask. It makes one call at a time for its caller, counts them, and never repeats one by itself.
package final class AutotaskSession: Sendable {
    private let transport: any HTTPTransport
    private let root: String
    private let credentials: AutotaskCredentials
    private let traceparent: String?
    private let onCall: (@Sendable (AutotaskCall) -> Void)?
    private let calls = Atomic<Int>(0)

    /// - Parameters:
    ///   - traceparent: a valid W3C `traceparent`, handed on with each call.
    ///   - onCall: told of each call when it has ended, however it ended. It must not block.
    package init(
        transport: any HTTPTransport,
        zone: Zone,
        credentials: AutotaskCredentials,
        traceparent: String? = nil,
        onCall: (@Sendable (AutotaskCall) -> Void)? = nil
    ) {
        self.transport = transport
        root = zone.apiURL + "V1.0/"
        self.credentials = credentials
        self.traceparent = traceparent
        self.onCall = onCall
    }

    /// How many calls were made so far.
    package var callCount: Int { calls.load(ordering: .relaxed) }

    /// Whether the credentials work: `Version` needs no permission of any kind.
    package func version() async throws(AutotaskError) {
        fatalError()
    }

    /// What the API user may do with services. ``Capabilities/costVisible`` is not among what it tells.
    package func serviceAccess() async throws(AutotaskError) -> Capabilities {
        fatalError()
    }

    /// What the tenant's services are like.
    package func serviceFields() async throws(AutotaskError) -> ServiceFields {
        fatalError()
    }

    /// The services that match any condition of the query, each once, in the order of their ids within a chunk of 500 conditions.
    ///
    /// An empty query makes no call.
    package func services(_ query: ServiceQuery) async throws(AutotaskError) -> [Service] {
        fatalError()
    }

    /// Creates a service.
    ///
    /// - Returns: its id.
    /// - Throws: ``AutotaskError``; where ``AutotaskError/isOutcomeUnknown``, the service may exist: look before creating it again.
    package func createService(_ service: NewService) async throws(AutotaskError) -> Int64 {
        fatalError()
    }

    /// Changes the fields of one service that the patch names, and no other.
    ///
    /// Success means that Autotask took the request: it drops silently what the API user may not write, so read back what matters.
    package func updateService(id: Int64, _ patch: ServicePatch) async throws(AutotaskError) {
        fatalError()
    }

    /// The billing codes for recurring services, active or not, and those with the given ids, whatever their type.
    package func billingCodes(including ids: [Int64] = []) async throws(AutotaskError) -> [BillingCode] {
        fatalError()
    }
}

/// One call to Autotask, as metrics see it.
package struct AutotaskCall: Sendable {
    package enum Operation: String, Sendable {
        case version, access, fields, query, create, update
    }

    package let operation: Operation
    /// `Services`, `BillingCodes`; empty for ``Operation/version``.
    package let entity: String
    /// The HTTP status; `nil` without an answer.
    package let status: Int?
    /// How long the exchange took; zero without an answer.
    package let elapsed: Duration
}
