import Contract
import FoundationEssentials

/// The whole content of one Autotask database. Its owner, ``Database``, guards it.
struct DatabaseState: Sendable {
    var zone: String
    var users: [String: APIUser] = [:]
    /// The entity of services with this database's fields.
    var serviceEntity: Entity
    var services = Table()
    var billingCodes = Table()
    var nextServiceID: Int64

    var uniqueServiceNames = true
    var collation = Collation()
    /// The tracking identifiers that are accepted from every user; `nil` for any non-empty one.
    var integrationCodes: Set<String>?
    var integrationCodeFailure = IntegrationCodeFailure.empty401
    /// The number of consecutive wrong secrets that locks a user; 0 for none.
    var lockAfterFailures = 5
    /// The maximum number of calls in progress for one tracking identifier and entity.
    var threadLimit = 3
    var quota = Quota(limit: 10_000)
    /// The latency that overrides the simulator's, if not `nil`.
    var latency: Duration?
    var userAccessAsNumbers = false

    var threads: [Thread: Int] = [:]

    /// The calls of one integration on one entity, which Autotask limits to three.
    struct Thread: Hashable, Sendable {
        let integrationCode: String
        let entity: String
    }

    init(_ seed: DatabaseSeed, at now: Date) {
        zone = seed.zone
        serviceEntity = .services
        for (name, change) in seed.fields {
            if let index = Entity.services.index(of: name) { change.apply(to: &serviceEntity.fields[index]) }
        }
        if let periodTypes = seed.periodTypes {
            serviceEntity.fields[ServiceField.periodType.rawValue].choices = periodTypes.sorted { $0.value < $1.value }
                .map { Field.Choice(value: $0.value, label: $0.key) }
        }
        nextServiceID = seed.nextServiceID ?? 1
        _ = apply(seed.content, at: now)
    }

    subscript(user username: String) -> APIUser? {
        get { users[APIUser.key(username)] }
        set { users[APIUser.key(username)] = newValue }
    }

    func entity(_ name: Entity.Name) -> Entity {
        switch name {
        case .services: serviceEntity
        case .billingCodes: .billingCodes
        }
    }

    func table(_ name: Entity.Name) -> Table {
        switch name {
        case .services: services
        case .billingCodes: billingCodes
        }
    }

    /// Makes a change without checking the API's rules.
    ///
    /// - Returns: the ids of the new services in the change.
    mutating func apply(_ change: DatabaseChange, at now: Date) -> [Int64] {
        applySwitches(of: change, at: now)
        for change in change.users ?? [] {
            var user =
                self[user: change.username]
                ?? APIUser(
                    username: change.username,
                    secret: "",
                    security: .full,
                    isActive: true,
                    resourceID: 29_682_885 + Int64(users.count),
                    isLocked: false
                )
            change.apply(to: &user)
            self[user: change.username] = user
        }
        for change in change.billingCodes ?? [] {
            var record = billingCodes[change.id] ?? .billingCode(id: change.id)
            change.apply(to: &record)
            billingCodes.put(record)
        }
        for id in change.deletedServices ?? [] { services.remove(id) }
        for change in change.services ?? [] { _ = put(change, at: now) }
        return (change.newServices ?? []).map { put($0, at: now) }
    }

    private mutating func applySwitches(of change: DatabaseChange, at now: Date) {
        if let zone = change.zone { self.zone = zone }
        if let unique = change.uniqueServiceNames { uniqueServiceNames = unique }
        if let collation = change.collation { self.collation = Collation(collation) }
        if let codes = change.integrationCodes { integrationCodes = Set(codes) }
        if let failure = change.integrationCodeFailure { integrationCodeFailure = failure }
        if let failures = change.lockAfterFailures { lockAfterFailures = failures }
        if let limit = change.threadLimit { threadLimit = limit }
        if let limit = change.quotaLimit { quota.limit = limit }
        if let used = change.quotaUsed { quota.set(used: used, at: now) }
        if let milliseconds = change.latencyMilliseconds { latency = .milliseconds(milliseconds) }
        if let asNumbers = change.userAccessAsNumbers { userAccessAsNumbers = asNumbers }
    }

    private mutating func put(_ change: ServiceChange, at now: Date) -> Int64 {
        let id = change.id ?? nextServiceID
        let moment = now.ISO8601Format()
        var record = services[id] ?? .service(id: id, created: moment, by: DatabaseState.administrator)
        change.apply(to: &record, at: moment)
        services.put(record)
        nextServiceID = max(nextServiceID, id + 1)
        return id
    }

    /// The resource id of edits in the user interface.
    private static let administrator: Int64 = 29_682_800
}

extension DatabaseState {
    /// The state for the control API, without secrets.
    func json(id: Int64, withServices: Bool, at now: Date) -> JSON {
        var quota = quota
        var members: JSONObject = [
            "databaseId": .integer(id), "zone": .string(zone),
            "users": .array(users.values.sorted { $0.username < $1.username }.map(\.json)),
            "billingCodes": .array(billingCodes.records.map { Entity.billingCodes.json($0) }),
            "uniqueServiceNames": .bool(uniqueServiceNames), "quotaUsed": .integer(quota.used(at: now)),
        ]
        if withServices { members["services"] = servicesJSON }
        return .object(members)
    }

    /// The services with all their fields, including those that some users may not see.
    var servicesJSON: JSON { .array(services.records.map { Entity.services.json($0) }) }
}

extension APIUser {
    fileprivate var json: JSON {
        [
            "username": .string(username),
            "security": .string(security.rawValue),
            "isLocked": .bool(isLocked),
            "isActive": .bool(isActive),
            "consecutiveFailures": .integer(consecutiveFailures),
        ]
    }
}
