import Autotask
import Contract
import Store

/// One examination of a tenant's connection to Autotask.
///
/// It makes at most six calls: the zone look-up without a secret, `Version` to check the credentials, and four that show what the API user
/// may do. It makes no call with credentials that were refused, because the next one may lock the API user.
struct Diagnosis {
    let context: JobContext
    private(set) var steps: [DiagnosisStep] = []
    private var session: TenantSession?
    private var billingCodes: ReadBillingCodes?
    /// Why the remaining steps cannot be made.
    private var obstacle: String?
    /// Whether a shutdown or the end of the lease cancelled a call: then the answer is worthless.
    private var wasCutShort = false
    /// Whether the worker held a call back, perhaps for the quota: the quota is examined all the same.
    private var wasHeldBack = false

    init(_ context: JobContext) { self.context = context }

    mutating func run() async throws(StoreError) -> HandlerOutcome {
        await examineConnection()
        if let session, obstacle == nil { try await examine(session) }
        if wasCutShort || Task.isCancelled || !context.holdsLane {
            return .postponed(events: session?.stateEvents ?? [], changes: changes)
        }
        skipRest()
        return .finished((session?.stateEvents ?? []) + [context.diagnosed(steps)], changes: changes)
    }

    private var changes: LaneChanges {
        var changes = session?.changes ?? LaneChanges()
        if let billingCodes { changes.billingCodes = .set(billingCodes.cached) }
        return changes
    }

    private mutating func skipRest() {
        let reported = Set(steps.map(\.name))
        let reason = obstacle ?? "Not known yet."
        for name in DiagnosisStep.Name.allCases where !reported.contains(name) { steps.append(DiagnosisStep(name, .skipped, reason)) }
        steps.sort { $0.name.place < $1.name.place }
    }

    // MARK: Connection

    private mutating func examineConnection() async {
        guard let connection = context.state.connection else {
            steps.append(DiagnosisStep(.connection, JobError(.notConnected)))
            obstacle = "There is no connection to examine."
            return
        }
        let credentials: AutotaskCredentials
        do { credentials = try context.storedCredentials(of: connection) } catch {
            steps.append(DiagnosisStep(.connection, error))
            obstacle = "The stored credentials cannot be opened."
            return
        }
        if let error = connection.lossError {
            steps.append(DiagnosisStep(.connection, error))
            await examineWay(of: connection, credentials)
            obstacle =
                connection.status == .databaseMismatch
                ? "Not tried: the credentials belong to another Autotask database."
                : "Not tried: Autotask refused these credentials, and trying them again could lock the API user."
            return
        }
        do { session = try TenantSession(context) } catch {
            steps.append(DiagnosisStep(.connection, error))
            obstacle = error.message
            return
        }
        steps.append(
            DiagnosisStep(
                .connection,
                .passed,
                "Connected to the Autotask database \(connection.databaseID) since \(connection.establishedAt)."
            )
        )
    }

    /// Looks up the zone for a connection that must not be used. Only the user name of the credentials is sent.
    private mutating func examineWay(of connection: ConnectionRecord, _ credentials: AutotaskCredentials) async {
        var way = WayToAutotask()
        do {
            let found = try await context.zone(for: credentials)
            way.note(context.autotask.lookupURL, nil)
            steps.append(
                found.databaseID == connection.databaseID
                    ? DiagnosisStep(.zone, serving: found.zone, connection.databaseID, movedFrom: connection.zone)
                    : DiagnosisStep(.zone, JobError(.databaseChanged))
            )
        } catch {
            note(error)
            way.note(context.autotask.lookupURL, error)
            steps.append(DiagnosisStep(.zone, lookUpFailed: error, in: context))
        }
        steps += way.steps
    }

    /// Looks up the zone, and checks whether the credentials work.
    private mutating func examineWay(_ session: TenantSession) async {
        var way = WayToAutotask()
        defer { steps += way.steps }
        let former = session.connection.zone
        do {
            try await session.lookUpZone()
            way.note(context.autotask.lookupURL, nil)
            steps.append(DiagnosisStep(.zone, serving: session.connection.zone, session.connection.databaseID, movedFrom: former))
        } catch {
            note(error.cause)
            way.note(context.autotask.lookupURL, error.cause)
            guard error.error.code != .databaseChanged else {
                steps.append(DiagnosisStep(.zone, error.error))
                obstacle = "Not tried: the credentials belong to another Autotask database."
                return
            }
            steps.append(error.cause.map { DiagnosisStep(.zone, lookUpFailed: $0, in: context) } ?? DiagnosisStep(.zone, error.error))
        }
        do {
            let there = try await session.call { session async throws(AutotaskError) in try await session.version() }
            way.note(session.connection.zone.apiURL, nil)
            steps.append(
                DiagnosisStep(.credentials, .passed, "Autotask accepts the API user \(session.connection.username).")
            )
            steps.append(DiagnosisStep(here: context.now, there: there))
        } catch {
            note(error.cause)
            way.note(session.connection.zone.apiURL, error.cause)
            steps.append(DiagnosisStep(.credentials, error))
            obstacle =
                error.cause?.isRefusalOfCredentials == true
                ? "Not tried: Autotask refuses the credentials."
                : "Not tried: the call that checks the credentials failed."
        }
    }

    private mutating func note(_ failure: AutotaskError?) {
        switch failure?.kind {
        case .cancelled: wasCutShort = true
        case .heldBack: wasHeldBack = true
        default: break
        }
    }

    // MARK: What the API user may do

    private mutating func examine(_ session: TenantSession) async throws(StoreError) {
        await examineWay(session)
        if obstacle == nil { try await examineServices(session) }
        if obstacle == nil { await examineBillingCodes(session) }
        if obstacle == nil || wasHeldBack { await examineQuota(session) }
    }

    private mutating func examineServices(_ session: TenantSession) async throws(StoreError) {
        let allowed: Capabilities
        do {
            allowed = try await session.call { session async throws(AutotaskError) in try await session.serviceAccess() }
        } catch {
            fail(.queryServices, error)
            return
        }
        session.connection.capabilities.canQueryServices = allowed.canQueryServices
        session.connection.capabilities.canCreateServices = allowed.canCreateServices
        session.connection.capabilities.canUpdateServices = allowed.canUpdateServices
        steps.append(DiagnosisStep(.createServices, isAllowed: allowed.canCreateServices, "create"))
        steps.append(DiagnosisStep(.updateServices, isAllowed: allowed.canUpdateServices, "update"))
        guard allowed.canQueryServices else {
            steps.append(DiagnosisStep(.queryServices, isAllowed: false, "query"))
            return
        }
        try await examineSynced(session)
    }

    /// Reads as many synced services as one call can: they show what the API user sees.
    private mutating func examineSynced(_ session: TenantSession) async throws(StoreError) {
        let ids = try await context.store.boundServices(of: context.lane, after: nil, limit: Diagnosis.sample)
            .compactMap(\.autotaskServiceID)
        guard !ids.isEmpty else {
            steps.append(DiagnosisStep(.queryServices, isAllowed: true, "query"))
            steps.append(DiagnosisStep(.costVisibility, .skipped, "Not known: no service was synchronized yet. The first sync shows it."))
            return
        }
        let services: [AutotaskService]
        do { services = try await session.services(ServiceQuery(ids: ids, markerField: nil)) } catch {
            fail(.queryServices, error)
            return
        }
        steps.append(
            services.count == ids.count
                ? DiagnosisStep(.queryServices, isAllowed: true, "query")
                : DiagnosisStep(
                    .queryServices,
                    .warning,
                    "The API user may query services, but cannot see \(ids.count - services.count) of \(ids.count) synchronized ones.",
                    hint: "Check whether they were deleted in Autotask, and whether the API user is limited to a line of business."
                )
        )
        let costs = CostVisibility(services, remembered: session.connection.capabilities.costVisible)
        if costs == .shown { session.connection.capabilities.costVisible = true }
        let were = session.connection.capabilities.costVisible == true
        steps.append(DiagnosisStep(costs, wereShown: were && !services.isEmpty))
    }

    /// The number of services that one query may ask for.
    private static let sample = 500

    private mutating func examineBillingCodes(_ session: TenantSession) async {
        do {
            let read = ReadBillingCodes(codes: try await session.billingCodes(), readAt: context.now)
            billingCodes = read
            steps.append(DiagnosisStep(selectable: read.selectable.count))
        } catch {
            fail(.queryBillingCodes, error)
        }
    }

    private mutating func examineQuota(_ session: TenantSession) async {
        let database = session.connection.databaseID
        if context.quotas.freshReading(of: database, at: context.now) == nil {
            do { try await session.readThreshold() } catch {
                note(error.cause)
                // A refusal of the credentials is the finding here, not the quota.
                if error.cause?.isRefusalOfCredentials == true {
                    steps.append(DiagnosisStep(.quota, error))
                    return
                }
                if error.cause?.isTransient == true {
                    let usage = context.quotas.usage(of: database, at: context.now)
                    steps.append(DiagnosisStep(usage, unansweredBecause: error))
                    return
                }
            }
        }
        let reading = context.quotas.freshReading(of: database, at: context.now)
        steps.append(DiagnosisStep(context.quotas.usage(of: database, at: context.now), isKnown: reading != nil))
    }

    /// Adds a failed step. If no further call can be made, it is the last one.
    private mutating func fail(_ name: DiagnosisStep.Name, _ failure: CallFailure) {
        note(failure.cause)
        steps.append(DiagnosisStep(name, failure))
        if failure.consequence == .stop { obstacle = "Not tried: \(failure.error.message)" }
    }
}

extension DiagnosisStep.Name {
    fileprivate var place: Int { DiagnosisStep.Name.allCases.firstIndex(of: self) ?? 0 }
}
