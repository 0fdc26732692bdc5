import HTTP

/// Everything that is asked of Autotask: the whole of the API that the worker touches.
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
    /// Whether it may change something in Autotask.
    package var isWrite: Bool { self == .createService || self == .updateService }

    var method: HTTPRequest.Method {
        switch self {
        case .zone, .version, .threshold, .serviceAccess, .serviceFields: .get
        case .queryServices, .queryBillingCodes, .createService: .post
        // At the collection: PATCH at `Services/{id}` is answered with 405, and PUT would blank every field that it leaves out.
        case .updateService: .patch
        }
    }

    /// Below the root of the API's version.
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

    /// What it does to what, in words for people: `create`, `services`.
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

    /// The version of the API below a root, pinned: what is new in another is not known, and V2.0 lacks zones.
    static let apiVersion = "V1.0/"
}
