import Autotask
import Contract
import Secrets
import Store
import Vault

/// One attempt to connect: verify, then swap. If any step fails, the previous connection stays (`Rules` A15).
///
/// It makes four calls. The zone look-up carries no secret. `Version` shows whether the credentials work, and runs alone. Two calls read
/// what the API user may do, and the fields of the tenant's services. Only the first sync can show whether the user sees costs, because a
/// service without a cost looks like one whose cost is hidden.
struct ConnectAttempt {
    private let payload: ConnectPayload
    private let context: JobContext
    private let previous: ConnectionRecord?
    /// Whether the previous connection stays in use if this attempt fails.
    private var isPreviousActive: Bool
    private var changes = LaneChanges()

    init(_ payload: ConnectPayload, _ context: JobContext) {
        self.payload = payload
        self.context = context
        previous = context.state.connection
        isPreviousActive = previous?.status == .connected
    }

    mutating func run() async throws(StoreError) -> HandlerOutcome {
        let gate = AccessGate(cutoff: context.settings.accessCutoff)
        let isAdmitted = gate.admits(isEligible: context.state.isEligible, firstConfiguredAt: payload.firstConfiguredAt)
        changes.becomesEligible = isAdmitted

        // Errors that only the portal can correct come first: a refusal by the access gate would hide them.
        let credentials: Credentials
        do { credentials = try await context.open(payload.credentials) } catch { return rejected(error) }
        guard isAdmitted else { return failed(refusalOfGate) }
        let digest = context.vault.credentialsDigest(of: credentials)
        if let error = rememberedRefusal(of: digest) { return failed(error) }

        let found: DiscoveredZone
        do { found = try await zone(of: credentials) } catch { return failed(error, digest: digest) }
        if let previous, previous.databaseID != found.databaseID, !payload.allowDatabaseChange { return failed(JobError(.databaseChanged)) }
        guard try await occupy(found.databaseID) else {
            context.holdUp(.databaseFull)
            return .postponed()
        }

        let profile: APIUserProfile
        do { profile = try await verify(credentials, digest, at: found) } catch { return failed(error, digest: digest) }
        return established(connection(credentials, digest, found, profile), profile.serviceFields.periodDoubt)
    }

    // MARK: Steps

    /// A tenant that was configured too late has to switch products. If the time is unknown, the portal has to send it first.
    private var refusalOfGate: JobError {
        guard payload.firstConfiguredAt == nil else { return JobError(.integrationNotAvailable) }
        return JobError(
            .integrationNotAvailable,
            "The portal did not say when this integration was first configured: data.firstConfiguredAt is missing.",
            hint: """
                Send data.firstConfiguredAt with the connect, under a new id. \
                If it was not configured before the release of Integrated Billing: \(ErrorCode.integrationNotAvailable.properties.hint)
                """,
            fixableBy: .portal,
            field: "data.firstConfiguredAt"
        )
    }

    /// The remembered refusal of credentials that Autotask refused recently, or of too many different ones: to send these might lock the API
    /// user.
    private func rememberedRefusal(of digest: [UInt8]) -> JobError? {
        let memory = context.settings.refusalMemory
        // A refusal with a time in the future does not count: a clock was set back.
        let recent = context.state.refusedCredentials.filter { context.now < $0.at + memory && $0.at <= context.now + Clocks.tolerance }
        if let refused = recent.first(where: { $0.digest == digest }) {
            return JobError(
                refused.code,
                hint: """
                    \(refused.code.properties.hint) Autotask refused the same credentials just now. They are not sent again before \
                    \(refused.at + memory).
                    """
            )
        }
        // The credentials in use have worked.
        let areInUse = isPreviousActive && previous?.credentialsDigest == digest
        guard !areInUse, recent.count >= RefusedCredentials.limit, let oldest = recent.min(by: { $0.at < $1.at }) else { return nil }
        return JobError(
            oldest.code,
            hint: """
                Autotask refused \(recent.count) different credentials just now, and might lock the API user. No others are sent before \
                \(oldest.at + memory). Check the user name and the password until then.
                """
        )
    }

    private func zone(of credentials: Credentials) async throws(CallFailure) -> DiscoveredZone {
        do { return try await context.zone(for: context.autotaskCredentials(credentials)) } catch {
            throw CallFailure(error, in: context)
        }
    }

    /// Takes one of the database's places for lanes.
    private func occupy(_ database: Int64) async throws(StoreError) -> Bool {
        try await context.store.occupy(
            database: database,
            under: context.claim.token,
            limit: ClaimRequest.lanesPerDatabase,
            at: context.now
        )
    }

    private func verify(
        _ credentials: Credentials,
        _ digest: [UInt8],
        at found: DiscoveredZone
    ) async throws(CallFailure) -> APIUserProfile {
        let session = context.autotaskSession(in: found.zone, of: found.databaseID, with: context.autotaskCredentials(credentials), digest)
        do { return try await APIUserProfile(session) } catch { throw CallFailure(error, in: context) }
    }

    private func connection(
        _ credentials: Credentials,
        _ digest: [UInt8],
        _ found: DiscoveredZone,
        _ profile: APIUserProfile
    ) -> ConnectionRecord {
        let sealed = context.seal(credentials)
        return ConnectionRecord(
            status: .connected,
            zone: found.zone,
            databaseID: found.databaseID,
            username: credentials.username.maskedUsername,
            wrappedKey: sealed.wrappedKey,
            sealedCredentials: sealed.sealed,
            credentialsDigest: digest,
            capabilities: profile.capabilities,
            serviceFields: profile.serviceFields.json.encoded,
            establishedAt: context.now
        )
    }
}

// MARK: - Outcomes

extension ConnectAttempt {
    private mutating func established(_ connection: ConnectionRecord, _ periodDoubt: PeriodTypes.Doubt?) -> HandlerOutcome {
        changes.connection = .set(connection)
        changes.replacesCredentialsKey = true
        changes.refusedCredentials = .forget(digest: connection.credentialsDigest)
        if let previous, previous.databaseID != connection.databaseID {
            changes.removesBindings = true
            changes.billingCodes = .remove
        }
        let established = context.event(
            .connectionEstablished,
            [
                "message": .string(Headline.connectionEstablished),
                "severity": "success",
                "zone": connection.zone.json,
                "databaseId": JSON(connection.databaseID),
                "username": .string(connection.username),
                "capabilities": connection.capabilities.json,
                "warnings": .array((connection.capabilities.warnings + (periodDoubt?.warnings ?? [])).map(\.json)),
            ]
        )
        let recovered = previous?.lossError.map { [context.connectionRecovered(from: $0)] } ?? []
        return .finished(recovered + [established], changes: changes)
    }

    /// Ends the attempt after a failed call.
    private mutating func failed(_ failure: CallFailure, digest: [UInt8]) -> HandlerOutcome {
        if failure.cause?.isRefusalOfCredentials == true { return refused(failure.error, digest: digest) }
        guard case .retry(let earliest) = failure.consequence else { return failed(failure.error) }
        return .transient(failure.error, earliest: earliest, failure: failureEvent(failure.error), changes: changes)
    }

    /// Remembers that Autotask refused the credentials. If the connection in use has the same ones, it is lost too.
    private mutating func refused(_ error: JobError, digest: [UInt8]) -> HandlerOutcome {
        let haveWorked = previous?.credentialsDigest == digest
        let error = haveWorked ? JobError(.apiUserLockedOrInactive, remote: error.remote) : error
        changes.refusedCredentials = .remember(RefusedCredentials(digest: digest, at: context.now, code: error.code))
        guard haveWorked, var connection = previous, connection.status == .connected else { return failed(error) }
        connection.status = .credentialsRejected
        changes.connection = .set(connection)
        isPreviousActive = false
        return failed(error, after: [context.connectionLost(error)])
    }

    func failed(_ error: JobError, after events: [Event] = []) -> HandlerOutcome {
        .failed(error, events + [failureEvent(error)], changes: changes)
    }

    private func failureEvent(_ error: JobError) -> Event {
        context.connectionFailed(error, isPreviousActive: isPreviousActive)
    }

    /// Refuses a job whose credentials cannot be used at all.
    private func rejected(_ error: JobError) -> HandlerOutcome {
        .failed(error, [context.rejection(error)], changes: changes)
    }
}

extension Capabilities {
    /// Warns about permissions that a sync needs and the API user lacks.
    fileprivate var warnings: [Warning] {
        let missing = [(canQueryServices, "query"), (canCreateServices, "create"), (canUpdateServices, "update")]
            .compactMap { isAllowed, verb in isAllowed ? nil : verb }
        guard !missing.isEmpty else { return [] }
        return [Warning(.readOnly, "The API user may not \(missing.joined(separator: " or ")) services in Autotask: a sync will fail.")]
    }
}

extension PeriodTypes.Doubt {
    /// Warns at connect about what a sync will do with periods.
    fileprivate var warnings: [Warning] {
        func names(_ periods: [PlanService.Period]) -> String { periods.map(\.rawValue).joined(separator: " and ") }
        // A picklist has few values, but its text is untrusted.
        let shown = labels.prefix(12).map { "\"\($0.prefix(40))\"" }.joined(separator: ", ")
        let found = labels.isEmpty ? "Autotask lists no active billing period." : "Autotask lists \(shown)."
        var warnings: [Warning] = []
        if !assumed.isEmpty {
            warnings.append(
                Warning(
                    .periodAssumed,
                    "\(names(assumed)): no label of a billing period matches, so the worker uses Autotask's usual value. \(found)"
                )
            )
        }
        if !missing.isEmpty {
            warnings.append(
                Warning(
                    .periodUnsupported,
                    "\(names(missing)): Autotask has no such billing period. A sync with a service of it fails. \(found)"
                )
            )
        }
        return warnings
    }
}
