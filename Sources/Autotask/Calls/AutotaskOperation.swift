package import HTTP

/// All operations of Autotask's API that the worker uses.
package enum AutotaskOperation: String, CaseIterable, Sendable {
    case zone
    case version
    case threshold
    case serviceAccess
    case serviceFields
    case queryServices
    case createService
    case updateService
    case queryBillingCodes
}

extension AutotaskOperation {
    /// The operation that a request makes; `nil` for a request that is none of them.
    package init?(_ method: HTTPRequest.Method, _ target: CallTarget) {
        guard let operation = Self.allCases.first(where: { $0.method == method && $0.path == target.path }) else { return nil }
        self = operation
    }

    /// Whether it may change data in Autotask.
    package var isWrite: Bool { self == .createService || self == .updateService }

    var method: HTTPRequest.Method {
        switch self {
        case .zone, .version, .threshold, .serviceAccess, .serviceFields: .get
        case .queryServices, .queryBillingCodes, .createService: .post
        // Sent to the collection: Autotask answers PATCH at `Services/{id}` with 405, and PUT would blank every omitted field.
        case .updateService: .patch
        }
    }

    /// The path below the root of the API's version.
    var path: String {
        switch self {
        case .zone: "zoneInformation"
        case .version: "Version"
        case .threshold: "ThresholdInformation"
        case .serviceAccess: "Services/entityInformation"
        case .serviceFields: "Services/entityInformation/fields"
        case .queryServices: "Services/query"
        case .createService, .updateService: "Services"
        case .queryBillingCodes: "BillingCodes/query"
        }
    }

    /// Verb and object for messages: `create`, `services`.
    var words: (verb: String, object: String) {
        switch self {
        case .zone: ("query", "zones")
        case .version: ("query", "the version")
        case .threshold: ("query", "the usage of the quota")
        case .serviceAccess, .serviceFields, .queryServices: ("query", "services")
        case .createService: ("create", "services")
        case .updateService: ("update", "services")
        case .queryBillingCodes: ("query", "billing codes")
        }
    }

    /// The API's version below a root. It is pinned: other versions may behave differently, and V2.0 lacks zones.
    package static let apiVersion = "V1.0/"
}
