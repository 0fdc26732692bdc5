import Contract
import FoundationEssentials

extension DatabaseState {
    /// Performs an admitted call.
    mutating func perform(_ route: Route, _ request: RequestContent, as user: APIUser, at now: Date) -> Answer {
        do {
            switch route.target {
            case .entity(let name, let operation): return try perform(operation, on: name, request, as: user, at: now)
            case .version:
                return .json(["majorVersion": "2026", "minorVersion": "2", "build": "1", "customerType": ""])
            case .threshold:
                return .json([
                    "externalRequestThreshold": .integer(quota.limit),
                    "requestThresholdTimeframe": .integer(Quota.minutes),
                    "currentTimeframeRequestCount": .integer(quota.used(at: now)),
                ])
            case .zoneInformation, .versionInformation: return .refusal(.unexpected)
            }
        } catch {
            return .refusal(error)
        }
    }

    private mutating func perform(
        _ operation: EntityOperation,
        on name: Entity.Name,
        _ request: RequestContent,
        as user: APIUser,
        at now: Date
    ) throws(Refusal) -> Answer {
        let entity = entity(name)
        switch operation {
        case .information: return .json(entity.information(for: user.security, asNumbers: userAccessAsNumbers))
        case .fields: return .json(entity.fieldsJSON)
        case .userDefinedFields: return .json(["fields": []])
        case .get(let id):
            guard user.security.mayQuery else { throw Refusal.noPermissionToQuery }
            let record = visible(name, to: user).first { $0.id == id }
            return .json(["item": record.map { entity.json($0) } ?? .null])
        case .query, .next:
            guard user.security.mayQuery else { throw Refusal.noPermissionToQuery }
            return .json(try page(of: name, request, as: user))
        case .count:
            guard user.security.mayQuery else { throw Refusal.noPermissionToQuery }
            let query = try Query(request.query, for: entity)
            return .json(["queryCount": .integer(visible(name, to: user).count { query.condition.matches($0, collation) })])
        case .create: return .item(try createService(from: request.body, as: user, at: now))
        case .patch: return .item(try updateService(from: request.body, replacing: false, as: user, at: now))
        case .put: return .item(try updateService(from: request.body, replacing: true, as: user, at: now))
        }
    }

    private func page(of name: Entity.Name, _ request: RequestContent, as user: APIUser) throws(Refusal) -> JSON {
        let entity = entity(name)
        let query = try Query(request.query, for: entity)
        let seen = visible(name, to: user).drop { $0.id <= request.pageStart }
        let page = Page(of: query, from: seen, collation)
        return [
            "items": .array(page.records.map { entity.json($0, including: query.included) }),
            "pageDetails": [
                "count": .integer(page.records.count),
                "requestCount": .integer(query.pageSize),
                "prevPageUrl": .null,
                "nextPageUrl": page.next.map { .string(request.nextPageURL(size: query.pageSize, after: $0)) } ?? .null,
            ],
        ]
    }

    /// The records that the user can see, without hidden costs.
    private func visible(_ name: Entity.Name, to user: APIUser) -> [Record] {
        let records = table(name).records
        guard name == .services else { return records }
        if user.security == .restrictedVisibility { return [] }
        return user.security.seesCosts ? records : records.map { $0.hidingCosts(as: user.security.hiddenCost) }
    }
}
