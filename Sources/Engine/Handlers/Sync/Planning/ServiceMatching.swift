import Autotask
import Contract
import Store
import Vault

/// Which service in Autotask stands for each service of the plan.
///
/// What is remembered comes first, then the ownership marker (`Rules` A2): a name alone proves nothing.
struct ServiceMatching {
    struct Match {
        /// `nil` if there is none, or none that the API user sees.
        var service: Service?
        /// What is to be said of the service if nothing else has to be written than to create it, where it is missing.
        var outcome: ServiceOutcome
        /// Further services that carry its marker.
        var duplicates: [Int64] = []
    }

    /// In the plan's order.
    private(set) var matches: [Match]
    /// By the service's id in Autotask, the place in the plan of what it stands for.
    private(set) var owners: [Int64: Int] = [:]
    /// Positions of services that were found by the name that their create was sent with: another lane may find the same ones.
    private(set) var foundByName: Set<Int> = []
    /// What was read and stands for no service of the plan, by rising id.
    private(set) var others: [Service] = []
    /// What was read, by id.
    let services: [Int64: Service]

    /// - Parameters:
    ///   - services: what was read from Autotask.
    ///   - markers: in the plan's order; `nil` where the tenant has no field for them.
    ///   - adopted: by place, the id of a service that is to stand for it from now on.
    ///   - linkedElsewhere: ids of services that other lanes are linked to.
    init(
        _ plan: [PlanService],
        memory: PlanMemory,
        services: [Service],
        markers: [OwnershipMarker]?,
        adopted: [Int: Int64] = [:],
        linkedElsewhere: Set<Int64> = []
    ) {
        matches = plan.map { Match(service: nil, outcome: memory.serviceID($0.key) == nil ? .created : .recreated) }
        let byID = Dictionary(services.map { ($0.id, $0) }) { first, _ in first }
        self.services = byID
        for (index, service) in plan.enumerated() {
            guard let id = memory.serviceID(service.key), let found = byID[id], owners[id] == nil else { continue }
            owners[id] = index
            matches[index] = Match(service: found, outcome: ServiceMatching.outcome(of: found, service.key, memory))
        }
        guard owners.count < services.count else { return }
        for (index, id) in adopted where matches[index].service == nil && owners[id] == nil {
            if let found = byID[id] { claim(found, for: index, plan[index].key, memory) }
        }

        let unclaimed = services.filter { [owners] in owners[$0.id] == nil }.sorted { $0.id < $1.id }
        if let markers {
            let carriers = Dictionary(grouping: unclaimed.filter { $0.marker != nil }) { $0.marker ?? "" }
            for (index, marker) in markers.enumerated() {
                var found = carriers[marker.value] ?? []
                found += carriers[marker.former] ?? []
                guard !found.isEmpty else { continue }
                if matches[index].service == nil { claim(found.removeFirst(), for: index, plan[index].key, memory) }
                matches[index].duplicates = found.map(\.id)
            }
        }
        for (index, service) in plan.enumerated() where matches[index].service == nil {
            // The name was free before the create was sent, and there is no marker to look for.
            guard let name = memory.nameOfLostCreate(service, hasMarkers: markers != nil).map(NameKey.init) else { continue }
            let found = unclaimed.first { [owners] service in
                owners[service.id] == nil && NameKey(service.name) == name && !linkedElsewhere.contains(service.id)
                    && !(service.marker.map(ServiceMarker.isWellFormed) ?? false)
            }
            guard let found else { continue }
            claim(found, for: index, service.key, memory)
            foundByName.insert(index)
        }
        others = unclaimed.filter { owners[$0.id] == nil }
    }

    private mutating func claim(_ service: Service, for index: Int, _ key: String, _ memory: PlanMemory) {
        owners[service.id] = index
        matches[index].service = service
        matches[index].outcome = ServiceMatching.outcome(of: service, key, memory)
    }

    /// What is to be said of a service that was found.
    private static func outcome(of service: Service, _ key: String, _ memory: PlanMemory) -> ServiceOutcome {
        let bound = memory.binding(key)?.autotaskServiceID
        switch memory.openWrite(key) {
        case let write? where write.state != .intended && write.operation == .create:
            return bound == nil || bound == service.id ? .created : .recreated
        case let write? where write.state != .intended && bound == service.id:
            // Written before, and not told yet.
            return .updated
        default:
            return bound == service.id ? .unchanged : .adopted
        }
    }
}

extension PlanMemory {
    /// The name that a create with a lost answer was sent with, if the service has no ownership marker. The plan may have another by now.
    ///
    /// - Parameter hasMarkers: whether the tenant has a field for markers now.
    func nameOfLostCreate(_ service: PlanService, hasMarkers: Bool) -> String? {
        guard let write = lostCreate(service.key) else { return nil }
        // Sent with a marker: no name was kept.
        return write.name ?? (hasMarkers ? nil : service.name)
    }
}
