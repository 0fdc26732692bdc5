import Autotask
import Contract

/// The services in Autotask that hold names which services of the plan are to have.
struct NameHolders {
    private let matching: ServiceMatching
    private let answers: NameAnswers
    /// By plan index; `nil` for a service that is not valid.
    private let desired: [DesiredService?]
    /// Services outside the plan, and services of the plan that are to be renamed. Usually there are none.
    private let holders: [NameKey: [AutotaskService]]

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

    /// The services that hold the name that a service of the plan is to have.
    ///
    /// - Returns: the first service outside the plan, the plan indices of services that give the name up, and a service of the plan that
    ///   keeps an equal name.
    func holders(of desired: DesiredService, at index: Int) -> (foreign: AutotaskService?, ours: [Int], twin: DesiredService?) {
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
        // A service that already has its name waits for no other, even where names need not be unique.
        if let name = own.service?.name, NameKey(name) == desired.nameKey { return (nil, [], nil) }
        return (nil, ours, nil)
    }
}

extension JobError {
    /// The error for a name that Autotask considers equal to the name of another service of the plan.
    init(nameOf desired: DesiredService, equals other: DesiredService) {
        self.init(
            .serviceNameDuplicateInPlan,
            "Autotask considers the names \"\(desired.name)\" and \"\(other.name)\" of two services in the plan equal.",
            field: "name",
            serviceKey: desired.key
        )
    }

    /// The error for a name that another service in Autotask has.
    init(nameOf desired: DesiredService, heldBy service: AutotaskService) {
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
