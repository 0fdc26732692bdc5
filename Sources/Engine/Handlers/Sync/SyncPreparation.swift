import Autotask
import Contract
import Store
import Vault

/// The first phase with its reads: one query of the services, and one of the billing codes unless the required ones are known to be usable.
struct SyncPreparation {
    let metadata: ServiceFields
    private(set) var costs: CostVisibility = .unknown
    private(set) var planned: PlannedSync
    /// The billing codes, if they were read just now.
    private(set) var billingCodes: ReadBillingCodes?
    /// Plan indices of services that were found by name alone: they are linked before anything is written.
    private(set) var foundByName: Set<Int> = []
    /// The number of calls that read the services.
    private(set) var serviceCalls = 0

    /// A plan that fails ``PlanValidation`` ends here in any case. If the services can be read, their errors are added.
    @inline(never)
    init(
        _ payload: SyncPayload,
        memory: PlanMemory,
        adoption: Adoption,
        _ context: JobContext,
        _ session: TenantSession
    ) async throws(CallFailure) {
        metadata = try await session.serviceFields()
        let validation = PlanValidation(payload.services, fields: metadata)
        planned = .invalid(validation.errors, valid: [])
        do { try await compare(payload, validation, memory, adoption, context, session) } catch {
            if validation.errors.isEmpty { throw error }
        }
    }

    @inline(never)
    private mutating func compare(
        _ payload: SyncPayload,
        _ validation: PlanValidation,
        _ memory: PlanMemory,
        _ adoption: Adoption,
        _ context: JobContext,
        _ session: TenantSession
    ) async throws(CallFailure) {
        let own = context.markers
        let markers = payload.services.map { own.marker(planID: payload.planID, serviceKey: $0.key) }
        let visibleMarkers = metadata.markerField == nil ? nil : markers
        // A create with a lost answer may have made a service under a name that the plan no longer has.
        let lostNames = payload.services.compactMap { service in
            memory.nameOfLostCreate(service, hasMarkers: visibleMarkers != nil).flatMap { $0 == service.name ? nil : $0 }
        }
        let query = ServiceQuery(
            ids: payload.services.compactMap { memory.serviceID($0.key) } + adoption.wanted.values.sorted(),
            names: (payload.services.map(\.name) + lostNames).filter { !$0.isEmpty },
            markers: visibleMarkers.map {
                zip(payload.services, $0).flatMap { memory.sought($1, of: $0.key, mayBeFormer: context.state.mayHaveFormerMarkers) }
            } ?? [],
            markerField: metadata.markerField
        )
        serviceCalls = query.minimumCalls
        let services = query.minimumCalls == 0 ? [] : try await session.services(query)
        let matching = ServiceMatching(
            payload.services,
            memory: memory,
            services: services,
            markers: visibleMarkers,
            adopted: adoption.wanted,
            linkedElsewhere: adoption.takenElsewhere
        )
        foundByName = matching.foundByName
        // No service has the marker of an empty key, and nobody else can compute it. A job's id would not do, because the portal chooses
        // it.
        let answers = try await NameAnswers(
            validation.services,
            matching,
            query,
            unused: own.marker(planID: payload.planID, serviceKey: "").value,
            session
        )
        serviceCalls += answers.calls
        // Services that this job created with a cost and could not read back are read back now.
        let hasWrittenCost =
            context.job.hasWritten
            && zip(validation.services, matching.matches).contains { desired, match in
                guard let desired, match.service != nil else { return false }
                return desired.unitCost != .zero && memory.openWrite(desired.key)?.operation == .create
            }
        let remembered = session.connection.capabilities.costVisible
        let emptyBefore = remembered == false ? memory.idsWithoutCost : []
        costs = CostVisibility(services, remembered: remembered, emptyBefore: emptyBefore)
            .learning(from: services, hasWrittenCost: hasWrittenCost)
        let planner = SyncPlanner(
            plan: payload.services,
            memory: memory,
            validation: validation,
            matching: matching,
            metadata: metadata,
            costs: costs,
            markers: markers,
            answers: answers,
            adoption: adoption,
            brake: context.brake(of: payload),
            hasWritten: context.job.hasWritten
        )
        let needed = planner.newBillingCodes
        if let cached = context.billingCodes(fitFor: needed) {
            planned = planner.planned(billingCodes: cached)
        } else {
            let codes = try await session.billingCodes(including: needed)
            billingCodes = ReadBillingCodes(codes: codes, readAt: context.now)
            planned = planner.planned(billingCodes: codes)
        }
    }
}

extension JobContext {
    /// The ownership markers of the lane (`Rules` A2).
    var markers: OwnershipMarkers { vault.ownershipMarkers(of: lane) }

    /// The remembered billing codes, if they allow all of these ids. Otherwise `nil`, so that they are read again: a code may have been
    /// corrected since.
    fileprivate func billingCodes(fitFor ids: [Int64]) -> [BillingCode]? {
        if ids.isEmpty { return [] }
        guard let codes = freshBillingCodes?.selectable, ids.allSatisfy({ id in codes.contains { $0.id == id } }) else { return nil }
        return codes
    }
}

extension PlanMemory {
    /// The marker texts to look for. A linked service is known by its id: any other service with its marker was created later.
    fileprivate func sought(_ marker: OwnershipMarker, of key: String, mayBeFormer: Bool) -> [String] {
        mayBeFormer && serviceID(key) == nil ? [marker.value, marker.former] : [marker.value]
    }
}

extension LaneState {
    /// Whether an earlier version of the program may have written markers for the lane.
    fileprivate var mayHaveFormerMarkers: Bool { epoch > 1 || hasBindings || hasOpenWrites }
}
