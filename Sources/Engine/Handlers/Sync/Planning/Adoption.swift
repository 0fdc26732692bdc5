import Autotask
import Contract
import Store
import Vault

/// Services in Autotask that the plan's owner explicitly links to services of the plan (`Rules` A12). A matching name alone links nothing.
struct Adoption {
    /// By plan index, the id of the service in Autotask. Links that exist already are left out.
    private(set) var wanted: [Int: Int64] = [:]
    /// By id of a service in Autotask, a text that names the service of the lane linked to it. Services that leave the plan are left out.
    private var taken: [Int64: String] = [:]
    /// Ids of services linked to another integration: one of the other product, or of another tenant that shares the database.
    private(set) var takenElsewhere: Set<Int64> = []
    /// Ownership markers of services that leave the plan.
    private var retiredMarkers: [OwnershipMarker] = []
    /// Ownership markers of services that are in the plan.
    private var markersInUse: [OwnershipMarker] = []
    /// The ownership markers of the lane.
    private var own: OwnershipMarkers?

    static let none = Adoption()
}

extension Adoption {
    /// Reads what the store knows about the services to adopt.
    @inline(never)
    init(_ payload: SyncPayload, memory: PlanMemory, _ context: JobContext) async throws(StoreError) {
        self.init()
        if !payload.adopted.isEmpty {
            for (index, service) in payload.services.enumerated() {
                guard let id = payload.adopted[service.key], memory.binding(service.key)?.autotaskServiceID != id else { continue }
                wanted[index] = id
            }
        }
        // Another lane may have been linked meanwhile to a service that is known by its name alone.
        let isKnownByName = payload.services.contains { memory.lostCreate($0.key) != nil }
        guard !wanted.isEmpty || isKnownByName else { return }
        for binding in try await context.store.bindings(to: Array(wanted.values), in: context.lane) {
            guard let id = binding.autotaskServiceID else { continue }
            if binding.planID == payload.planID {
                if !payload.retired.contains(binding.serviceKey) { taken[id] = "\"\(binding.serviceKey)\"" }
            } else {
                taken[id] = "\"\(binding.serviceKey)\" of the plan \"\(binding.planID)\""
            }
        }
        if let database = context.state.connection?.databaseID {
            takenElsewhere = try await context.store.linkedServices(
                isKnownByName ? nil : Array(wanted.values),
                in: database,
                besides: context.lane
            )
        }
        let markers = context.markers
        retiredMarkers = payload.retired.map { markers.marker(planID: payload.planID, serviceKey: $0) }
        markersInUse = payload.services.map { markers.marker(planID: payload.planID, serviceKey: $0.key) }
        own = markers
    }

    /// Why the service at a plan index cannot be linked to the wanted service in Autotask.
    ///
    /// - Parameters:
    ///   - services: the services that were read, by id.
    ///   - marker: the ownership marker of the service of the plan.
    func error(at index: Int, _ match: ServiceMatching.Match, services: [Int64: AutotaskService], marker: OwnershipMarker) -> JobError? {
        guard let id = wanted[index] else { return nil }
        func refused(_ reason: String, hint: String? = nil) -> JobError {
            JobError(.adoptionRefused, "The service \(id) in Autotask cannot be linked: \(reason).", hint: hint, field: "adopt")
        }
        if let owner = taken[id] { return refused("it is linked to \(owner)") }
        if takenElsewhere.contains(id) { return refused("another integration is linked to it") }
        guard let service = services[id] else {
            return refused(
                "the API user cannot see a service with this id",
                hint: "Look the id up in Autotask, under Admin, Services."
            )
        }
        if let bound = match.service, bound.id != id {
            return refused(
                "this service of the plan is already linked to the service \(bound.id)",
                hint: "Contracts refer to that one. To use another, retire this key, add the service under a new key, and link that."
            )
        }
        if let own = match.duplicates.first, !(service.marker.map(marker.matches) ?? false) {
            return refused(
                "the service \(own) already carries the ownership marker of this service of the plan",
                hint: "Contracts refer to that one. To use another, retire this key, add the service under a new key, and link that."
            )
        }
        if let other = service.marker, !marker.matches(other), !mayReplace(other), ServiceMarker.isWellFormed(other) {
            return refused(
                "it carries the ownership marker of another service",
                hint: "If nothing is billed by that marker any more, empty the field in Autotask that holds it, and link the service again."
            )
        }
        return nil
    }

    /// The refusal to link a service to which another lane was linked in between.
    func error(ofTaken id: Int64) -> JobError {
        JobError(
            .adoptionRefused,
            "The service \(id) in Autotask cannot be linked: another integration is linked to it.",
            field: "adopt"
        )
    }

    /// Whether a marker belongs to the lane and is no longer in use, because its plan or key was removed or renamed.
    func mayReplace(_ marker: String) -> Bool {
        if retiredMarkers.contains(where: { $0.matches(marker) }) { return true }
        return own?.contains(marker) == true && !markersInUse.contains { $0.matches(marker) }
    }
}
