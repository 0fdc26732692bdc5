import Autotask
import Contract
import Store
import Vault

/// Matches each service of the plan with a service in Autotask.
///
/// The remembered link comes first, then the ownership marker (`Rules` A2). A name alone proves nothing.
struct ServiceMatching {
    struct Match {
        /// `nil` if there is none, or none that the API user sees.
        var service: AutotaskService?
        /// The outcome to report. An update turns `unchanged` into `updated`.
        var outcome: ServiceOutcome
        /// Ids of further services that carry its marker.
        var duplicates: [Int64] = []
    }

    /// In the plan's order.
    private(set) var matches: [Match]
    /// By id in Autotask, the plan index of a matched service.
    private(set) var owners: [Int64: Int] = [:]
    /// Plan indices of services found by the name with which their create was sent: another lane may find the same ones.
    private(set) var foundByName: Set<Int> = []
    /// The services that were read and match no service of the plan, by ascending id.
    private(set) var others: [AutotaskService] = []
    /// All services that were read, by id.
    let services: [Int64: AutotaskService]

    /// - Parameters:
    ///   - services: the services that were read from Autotask.
    ///   - markers: in the plan's order; `nil` where the tenant has no field for them.
    ///   - adopted: by plan index, the id of a service to link.
    ///   - linkedElsewhere: ids of services that other lanes are linked to.
    init(
        _ plan: [PlanService],
        memory: PlanMemory,
        services: [AutotaskService],
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

    private mutating func claim(_ service: AutotaskService, for index: Int, _ key: String, _ memory: PlanMemory) {
        owners[service.id] = index
        matches[index].service = service
        matches[index].outcome = ServiceMatching.outcome(of: service, key, memory)
    }

    /// The outcome to report for a service that was found.
    private static func outcome(of service: AutotaskService, _ key: String, _ memory: PlanMemory) -> ServiceOutcome {
        let bound = memory.binding(key)?.autotaskServiceID
        switch memory.openWrite(key) {
        case let write? where write.state != .intended && write.operation == .create:
            return bound == nil || bound == service.id ? .created : .recreated
        case let write? where write.state != .intended && bound == service.id:
            // An earlier attempt wrote it, and it is not reported yet.
            return .updated
        default:
            return bound == service.id ? .unchanged : .adopted
        }
    }
}

extension PlanMemory {
    /// The name with which a create with a lost answer was sent, if the service has no ownership marker. The plan may have another name
    /// now.
    ///
    /// - Parameter hasMarkers: whether the tenant has a field for markers now.
    func nameOfLostCreate(_ service: PlanService, hasMarkers: Bool) -> String? {
        guard let write = lostCreate(service.key) else { return nil }
        // Sent with a marker: no name was kept.
        return write.name ?? (hasMarkers ? nil : service.name)
    }
}
