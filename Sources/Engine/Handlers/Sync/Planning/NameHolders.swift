import Autotask
import Contract

/// Who holds the names in Autotask that services of the plan are to have.
struct NameHolders {
    private let matching: ServiceMatching
    private let answers: NameAnswers
    /// By place in the plan; `nil` for what is not valid.
    private let desired: [DesiredService?]
    /// Services that are not the plan's, and services of the plan that are to be renamed. Nearly always there are none.
    private let holders: [NameKey: [Service]]

    init(_ planner: SyncPlanner) {
        matching = planner.matching
        answers = planner.answers
        desired = planner.validation.services
        var services = planner.matching.others
        for (desired, match) in zip(planner.validation.services, planner.matching.matches) {
            guard let service = match.service else { continue }
            if let desired, NameKey.looksAlike(desired.name, service.name) || desired.nameKey == NameKey(service.name) { continue }
            services.append(service)
        }
        holders = services.isEmpty ? [:] : Dictionary(grouping: services) { NameKey($0.name) }
    }

    /// The services that hold a name which one of the plan is to have.
    ///
    /// - Returns: the first that is not the plan's, the places of those of the plan that give the name up, and one of the plan that keeps a
    ///   name which Autotask considers equal.
    func holders(of desired: DesiredService, at index: Int) -> (foreign: Service?, ours: [Int], twin: DesiredService?) {
        let answered = answers.holders[index] ?? []
        let found = (holders[desired.nameKey] ?? []) + answered.compactMap { matching.services[$0] }
        guard !found.isEmpty else { return (nil, [], nil) }
        let own = matching.matches[index]
        var ours: [Int] = []
        for service in found {
            if let owner = matching.owners[service.id] {
                if owner == index || ours.contains(owner) { continue }
                if let twin = self.desired[owner], NameKey(service.name) == twin.nameKey { return (nil, [], twin) }
                ours.append(owner)
            } else if !own.duplicates.contains(service.id) {
                return (service, [], nil)
            }
        }
        // One that has its name already waits for nobody, even where names need not be unique.
        if let name = own.service?.name, NameKey(name) == desired.nameKey { return (nil, [], nil) }
        return (nil, ours, nil)
    }
}

extension JobError {
    /// A name that Autotask considers equal to the name of another service of the plan.
    init(nameOf desired: DesiredService, equals other: DesiredService) {
        self.init(
            .serviceNameDuplicateInPlan,
            "Autotask takes the names \"\(desired.name)\" and \"\(other.name)\" of two services in the plan for the same.",
            field: "name",
            serviceKey: desired.key
        )
    }

    /// A name that another service in Autotask has.
    init(nameOf desired: DesiredService, heldBy service: Service) {
        let state = service.isActive.map { $0 ? ", active" : ", inactive" } ?? ""
        self.init(
            .serviceNameConflict,
            "A service named \"\(service.name)\" already exists in Autotask (id \(service.id)\(state)). Choose another name or link it.",
            field: "name",
            serviceKey: desired.key,
            conflict: ConflictingService(id: service.id, name: service.name, isActive: service.isActive)
        )
    }
}
