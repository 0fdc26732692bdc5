import Autotask
import Contract
import Store

/// Reports how services in Autotask differ from what was synced, and changes nothing. Services have no webhook, so only a query finds an
/// edit (`Rules`, "What Autotask imposes").
///
/// It queries the services in chunks of 500, and the billing codes unless they were read recently: two calls for up to 500 services. The
/// access gate does not apply.
struct DriftHandler: JobHandler {
    func run(_ payload: DriftPayload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        let session: TenantSession
        do { session = try TenantSession(context) } catch { return .failed(error, [failureEvent(error, context)]) }
        let comparison = DriftComparison(try await context.boundServices())
        do throws(CallFailure) {
            let metadata = try await session.serviceFields()
            let services = try await session.services(withIDs: comparison.serviceIDs)
            let (codes, read) = try await session.billingCodes(of: services)
            let found = comparison.result(
                services,
                codes: codes,
                metadata: metadata,
                remembersCost: session.connection.capabilities.costVisible
            )
            var changes = session.changes
            if let read { changes.billingCodes = .set(read.cached) }
            let changed = changedEvent(found, context, &changes)
            let reported = context.event(.driftReported, ["services": .array(found.map(\.json))])
            return .finished(session.stateEvents + changed + [reported], changes: changes)
        } catch {
            return session.outcome(of: error, reporting: failureEvent(error.error, context))
        }
    }

    /// The job writes nothing to Autotask, so there is only the reason to report.
    func conclude(_ payload: DriftPayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        .failed(reason, [failureEvent(reason, context)])
    }

    /// `drift.changed`, if the differences have changed since the last drift job. The present ones are remembered.
    private func changedEvent(_ found: [DriftedService], _ context: JobContext, _ changes: inout LaneChanges) -> [Event] {
        let differing = JSON.array(found.filter(\.differs).map(\.json))
        let digest = differing == [] ? nil : ShortHash([String(decoding: differing.encoded, as: UTF8.self)]).description
        guard digest != context.state.driftDigest else { return [] }
        changes.driftDigest = digest.map { .set($0) } ?? .remove
        return [context.stateEvent(.driftChanged, ["services": differing])]
    }

    private func failureEvent(_ error: JobError, _ context: JobContext) -> Event {
        context.event(.driftFailed, ["error": error.json])
    }
}

extension JobContext {
    /// The page size for reading the store: a lane may have any number of plans.
    private static let page = 500

    /// Every service of the lane that is bound and has no unsettled write.
    fileprivate func boundServices() async throws(StoreError) -> [ServiceBinding] {
        var services: [ServiceBinding] = []
        while true {
            let page = try await store.boundServices(of: lane, after: services.last?.key, limit: JobContext.page)
            services += page
            if page.count < JobContext.page { return services }
        }
    }
}

extension TenantSession {
    /// The services with these ids. Without ids, no call is made.
    fileprivate func services(withIDs ids: [Int64]) async throws(CallFailure) -> [AutotaskService] {
        ids.isEmpty ? [] : try await services(ServiceQuery(ids: ids, markerField: nil))
    }

    /// The billing codes of services, from memory while they are fresh.
    ///
    /// - Returns: the codes, and what was read if a call was made.
    fileprivate func billingCodes(of services: [AutotaskService]) async throws(CallFailure) -> ([BillingCode], ReadBillingCodes?) {
        let ids = Set(services.compactMap(\.fields.billingCodeID))
        if ids.isEmpty { return ([], nil) }
        if let fresh = context.freshBillingCodes { return (fresh.codes, nil) }
        let codes = try await billingCodes(including: ids.sorted())
        return (codes, ReadBillingCodes(codes: codes, readAt: context.now))
    }
}
