import Autotask
import Contract
import Store
import Vault

/// The first phase with what it reads: one query of the services, and one of the billing codes unless those that matter are known to be fit.
struct SyncPreparation {
    let metadata: ServiceFields
    private(set) var costs: CostVisibility = .unknown
    private(set) var planned: PlannedSync
    /// Read just now.
    private(set) var billingCodes: ReadBillingCodes?

    /// A plan that is invalid by itself ends here in any case; what Autotask's services add to its errors is told if they can be had.
    init(_ payload: SyncPayload, memory: PlanMemory, _ context: JobContext, _ session: TenantSession) async throws(CallFailure) {
        metadata = try await session.serviceFields()
        let validation = PlanValidation(payload.services, fields: metadata)
        planned = .invalid(validation.errors)
        do { try await compare(payload, validation, memory, context, session) } catch {
            if validation.errors.isEmpty { throw error }
        }
    }

    private mutating func compare(
        _ payload: SyncPayload,
        _ validation: PlanValidation,
        _ memory: PlanMemory,
        _ context: JobContext,
        _ session: TenantSession
    ) async throws(CallFailure) {
        let markers =
            metadata.markerField == nil ? nil : payload.services.map { context.marker(planID: payload.planID, serviceKey: $0.key) }
        let query = ServiceQuery(
            ids: payload.services.compactMap { memory.serviceID($0.key) },
            names: payload.services.map(\.name).filter { !$0.isEmpty },
            markers: markers ?? [],
            markerField: metadata.markerField
        )
        let services = try await session.services(query)
        costs = CostVisibility(services, remembered: session.connection.capabilities.costVisible)
        let planner = SyncPlanner(
            plan: payload.services,
            memory: memory,
            validation: validation,
            matching: ServiceMatching(payload.services, memory: memory, services: services, markers: markers),
            metadata: metadata,
            costs: costs,
            markers: markers
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
    /// The ownership marker of a service (`rules.md` A2).
    fileprivate func marker(planID: String, serviceKey: String) -> String {
        vault.ownershipMarker(lane: lane, planID: planID, serviceKey: serviceKey)
    }

    /// The remembered billing codes, if services can be set to all of these by them. What they say against one is looked at again: it may
    /// have been mended since.
    fileprivate func billingCodes(fitFor ids: [Int64]) -> [BillingCode]? {
        if ids.isEmpty { return [] }
        guard let codes = freshBillingCodes?.selectable, ids.allSatisfy({ id in codes.contains { $0.id == id } }) else { return nil }
        return codes
    }
}
