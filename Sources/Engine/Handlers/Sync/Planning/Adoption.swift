import Autotask
import Contract
import Store

/// Services in Autotask that the plan's owner wants to stand for services of the plan (`rules.md` A12): explicitly, never because a name fits.
struct Adoption {
    /// By place in the plan, the id of the service in Autotask. One that the place is linked to already is not among them.
    let wanted: [Int: Int64]
    /// By id of a service in Autotask, which service of the lane is linked to it, in words. Those that leave the plan are left out.
    private let taken: [Int64: String]
    /// Ids among them that another integration is linked to: of the other product, or of another tenant who shares the database.
    private let takenElsewhere: Set<Int64>
    /// Ownership markers that may be replaced: those of services that leave the plan.
    private let markersLeftBehind: Set<String>

    static let none = Adoption(wanted: [:], taken: [:], takenElsewhere: [], markersLeftBehind: [])

    private init(wanted: [Int: Int64], taken: [Int64: String], takenElsewhere: Set<Int64>, markersLeftBehind: Set<String>) {
        self.wanted = wanted
        self.taken = taken
        self.takenElsewhere = takenElsewhere
        self.markersLeftBehind = markersLeftBehind
    }

    /// Finds out what the store knows of the services that are to be adopted.
    init(_ payload: SyncPayload, memory: PlanMemory, _ context: JobContext) async throws(StoreError) {
        var wanted: [Int: Int64] = [:]
        if !payload.adopted.isEmpty {
            for (index, service) in payload.services.enumerated() {
                guard let id = payload.adopted[service.key], memory.serviceID(service.key) != id else { continue }
                wanted[index] = id
            }
        }
        guard !wanted.isEmpty else {
            self = .none
            return
        }
        var taken: [Int64: String] = [:]
        for binding in try await context.store.bindings(to: Array(wanted.values), in: context.lane) {
            guard let id = binding.autotaskServiceID else { continue }
            if binding.planID == payload.planID {
                if !payload.retired.contains(binding.serviceKey) { taken[id] = "\"\(binding.serviceKey)\"" }
            } else {
                taken[id] = "\"\(binding.serviceKey)\" of the plan \"\(binding.planID)\""
            }
        }
        var elsewhere: Set<Int64> = []
        if let database = context.state.connection?.databaseID {
            elsewhere = try await context.store.linkedServices(Array(wanted.values), in: database, besides: context.lane)
        }
        self.init(
            wanted: wanted,
            taken: taken,
            takenElsewhere: elsewhere,
            markersLeftBehind: Set(payload.retired.map { context.marker(planID: payload.planID, serviceKey: $0) })
        )
    }

    /// Why the service at a place cannot be linked to the one in Autotask that is wanted for it.
    ///
    /// - Parameters:
    ///   - services: what was read.
    ///   - marker: of the service of the plan.
    func error(at index: Int, _ match: ServiceMatching.Match, services: [Int64: Service], marker: String) -> JobError? {
        guard let id = wanted[index] else { return nil }
        func refused(_ reason: String, hint: String? = nil) -> JobError {
            JobError(.adoptionRefused, "The service \(id) in Autotask cannot be linked: \(reason).", hint: hint, field: "adopt")
        }
        if let owner = taken[id] { return refused("it is linked to \(owner)") }
        if takenElsewhere.contains(id) { return refused("another integration is linked to it") }
        guard let service = services[id] else {
            return refused(
                "there is none of this id that the API user can see",
                hint: "Look the id up in Autotask, under Admin, Services."
            )
        }
        if let bound = match.service, bound.id != id {
            return refused(
                "this service of the plan is linked to the service \(bound.id) already",
                hint: "Contracts refer to that one. Retire this service of the plan and add a new one, if another is meant."
            )
        }
        if let other = service.marker, other != marker, !mayReplace(other), ServiceMarker.isWellFormed(other) {
            return refused("it carries the mark of another service")
        }
        return nil
    }

    /// Whether a marker is one of ours that nothing refers to any more.
    func mayReplace(_ marker: String) -> Bool { markersLeftBehind.contains(marker) }
}
