import Contract
import FoundationEssentials

/// One received call, for assertions. Only the user name is kept of its headers.
struct Call: Sendable {
    /// The order of arrival over all databases.
    let sequence: Int
    /// The database's id; `nil` if the user is not known.
    let database: Int64?
    let method: String
    let path: String
    let zone: String?
    let entity: String
    let operation: String
    let user: String?
    let body: JSON?
    let startedAt: Date
    /// The number of calls in progress on this entity, or on the whole database, when this one began, including itself.
    var inFlightEntity = 0
    var inFlightDatabase = 0

    var fault: String?
    var outcome: Outcome?
    var duration: Duration?

    /// The end of a call.
    struct Outcome: Sendable {
        /// The HTTP status; `nil` if the connection was closed without an answer.
        var status: Int?
        var itemID: Int64?
        var errors: [String] = []
    }

    var json: JSON {
        [
            "sequence": .integer(sequence),
            "database": database.map { .integer($0) } ?? .null,
            "zone": zone.map(JSON.string) ?? .null,
            "method": .string(method),
            "path": .string(path),
            "entity": .string(entity),
            "operation": .string(operation),
            "user": user.map(JSON.string) ?? .null,
            "status": outcome?.status.map { .integer($0) } ?? .null,
            "closed": .bool(outcome != nil && outcome?.status == nil),
            "startedAt": .string(startedAt.formatted(Call.timeFormat)),
            "durationMilliseconds": duration.map { .number(String(Double($0 / .microseconds(1)).rounded() / 1000)) } ?? .null,
            "inFlightEntity": .integer(inFlightEntity),
            "inFlightDatabase": .integer(inFlightDatabase),
            "fault": fault.map(JSON.string) ?? .null,
            "itemId": outcome?.itemID.map { .integer($0) } ?? .null,
            "errors": .array(outcome?.errors.map(JSON.string) ?? []),
            "body": body ?? .null,
        ]
    }

    private static let timeFormat = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}

/// The calls that an assertion asks for. Members that are `nil` match every call.
struct CallFilter: Sendable {
    var database: Int64?
    var entity: String?
    var method: String?
    var operation: String?
    var status: Int?
    var user: String?
    /// Only calls with a higher sequence match.
    var after: Int?

    func includes(_ call: Call) -> Bool {
        func agrees<Value: Equatable>(_ wanted: Value?, _ value: Value?) -> Bool { wanted == nil || wanted == value }
        return agrees(entity?.lowercased(), call.entity.lowercased()) && agrees(method?.uppercased(), call.method)
            && agrees(operation?.lowercased(), call.operation.lowercased()) && agrees(status, call.outcome?.status)
            && agrees(user.map(APIUser.key), call.user.map(APIUser.key)) && call.sequence > after ?? -1
    }
}
