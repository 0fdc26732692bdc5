/// The meaning of a method and path of the Autotask API. Paths ignore letter case.
struct Route: Sendable {
    enum Target: Sendable {
        case zoneInformation
        case versionInformation
        case version
        case threshold
        case entity(Entity.Name, EntityOperation)
    }

    /// The zone whose host was called; `nil` for the well-known host.
    let zone: String?
    let target: Target

    /// The reason why there is no route.
    enum Failure: Error {
        /// The path does not exist: IIS answers with HTML.
        case notFound
        /// The path exists, but only with other methods.
        case methodNotAllowed
    }

    /// - Parameter hasSearch: whether the query string has a `search`: only then can GET read a further page.
    init(method: String, path: String, hasSearch: Bool) throws(Failure) {
        var segments = path.lowercased().split(separator: "/")[...]
        zone = Route.zone(from: &segments)
        guard segments.popFirst() == "atservicesrest" else { throw .notFound }
        if segments == ["versioninformation"] {
            target = try .versionInformation.onlyGet(method)
            return
        }
        guard segments.popFirst() == "v1.0", let name = segments.popFirst() else { throw .notFound }
        switch (name, segments.isEmpty) {
        case ("zoneinformation", true): target = try .zoneInformation.onlyGet(method)
        case ("version", true): target = try .version.onlyGet(method)
        case ("thresholdinformation", true): target = try .threshold.onlyGet(method)
        case ("services", _): target = .entity(.services, try EntityOperation(method, segments, isWritable: true, hasSearch: hasSearch))
        case ("billingcodes", _):
            target = .entity(.billingCodes, try EntityOperation(method, segments, isWritable: false, hasSearch: hasSearch))
        default: throw .notFound
        }
    }

    /// Removes `zone/NAME` from the front of a path.
    private static func zone(from segments: inout ArraySlice<Substring>) -> String? {
        guard segments.first == "zone", segments.count > 1 else { return nil }
        segments.removeFirst()
        return segments.popFirst().map(String.init)
    }

    /// The name of the entity in records and faults.
    var entity: String {
        switch target {
        case .zoneInformation: "ZoneInformation"
        case .versionInformation: "VersionInformation"
        case .version: "Version"
        case .threshold: "ThresholdInformation"
        case .entity(let name, _): name.rawValue
        }
    }

    /// The name of the operation in records and faults.
    var operation: String {
        switch target {
        case .zoneInformation: "zoneInformation"
        case .versionInformation: "versionInformation"
        case .version: "version"
        case .threshold: "threshold"
        case .entity(_, let operation): operation.name
        }
    }
}

extension Route.Target {
    fileprivate func onlyGet(_ method: String) throws(Route.Failure) -> Route.Target {
        guard method == "GET" else { throw .methodNotAllowed }
        return self
    }
}

/// An operation on an entity.
enum EntityOperation: Hashable, Sendable {
    case query
    /// A further page of a query.
    case next
    case count
    case get(Int64)
    case create
    case patch
    case put
    case information
    case fields
    case userDefinedFields

    /// - Parameter segments: the path after the entity's name, in lower case.
    fileprivate init(
        _ method: String,
        _ segments: ArraySlice<Substring>,
        isWritable: Bool,
        hasSearch: Bool
    ) throws(Route.Failure) {
        let operations: [String: EntityOperation]
        switch Array(segments) {
        case [] where isWritable: operations = ["POST": .create, "PATCH": .patch, "PUT": .put]
        case ["query"]: operations = ["GET": .query, "POST": .query]
        case ["query", "count"]: operations = ["GET": .count, "POST": .count]
        case ["query", "next"]: operations = hasSearch ? ["GET": .next, "POST": .next] : ["POST": .next]
        case ["entityinformation"]: operations = ["GET": .information]
        case ["entityinformation", "fields"]: operations = ["GET": .fields]
        case ["entityinformation", "userdefinedfields"]: operations = ["GET": .userDefinedFields]
        case let rest where rest.count == 1:
            guard let id = Int64(rest[0]) else { throw .notFound }
            operations = ["GET": .get(id)]
        default: throw .notFound
        }
        guard let operation = operations[method] else { throw .methodNotAllowed }
        self = operation
    }

    fileprivate var name: String {
        switch self {
        case .query, .next: "query"
        case .count: "count"
        case .get: "get"
        case .create: "create"
        case .patch: "patch"
        case .put: "put"
        case .information: "entityInformation"
        case .fields: "fields"
        case .userDefinedFields: "userDefinedFields"
        }
    }
}
