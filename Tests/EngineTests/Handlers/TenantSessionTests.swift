import Autotask
import AutotaskModel
import Contract
import HTTP
import Logging
import Store
import Testing

@testable import Engine

@Suite("A session with the tenant's Autotask")
struct TenantSessionTests {
    private static let oldHost = Workbench.zoneHost
    private static let newHost = "webservices29.autotask.net"
    private static let code = "POST BillingCodes/query"

    private let bench = Workbench()

    private func session(_ state: LaneState) throws -> TenantSession {
        try TenantSession(bench.context(.sync, state: state))
    }

    /// Reads billing codes, as an example of any call.
    private func failure(of session: TenantSession) async -> CallFailure? {
        do {
            _ = try await session.billingCodes()
            return nil
        } catch { return error }
    }

    private func move(to host: String, database: Int64 = Workbench.databaseID) {
        bench.autotask.change {
            $0.databases[database]?.host = host
            $0.databases[database]?.zoneName = "AU29"
            // The old host still serves others.
            $0.databases[1] = FakeAutotask.Database(host: Self.oldHost)
        }
    }

    @Test func `a call goes to the stored zone with the stored credentials, and is counted`() async throws {
        let session = try session(try await bench.connectedState())
        let codes = try await session.billingCodes()
        #expect(codes.count == 3)
        #expect(bench.autotask.calls.map(\.host) == [Workbench.zoneHost])
        #expect(session.context.apiCalls == 1)
        #expect(session.stateEvents.isEmpty)
        guard case .keep = session.changes.connection, case .keep = session.changes.refusedCredentials else {
            Issue.record("nothing changed")
            return
        }
    }

    // MARK: Unusable lanes

    @Test func `without a connection there is no session`() throws {
        let error = #expect(throws: JobError.self) { try session(LaneState(epoch: 1)) }
        #expect(error?.code == .notConnected)
    }

    @Test(arguments: [
        (ConnectionRecord.Status.credentialsRejected, ErrorCode.apiUserLockedOrInactive), (.databaseMismatch, .databaseChanged),
    ])
    func `a lost connection is answered from memory`(status: ConnectionRecord.Status, code: ErrorCode) async throws {
        var state = try await bench.connectedState()
        state.connection?.status = status
        let error = #expect(throws: JobError.self) { try session(state) }
        #expect(error?.code == code)
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test func `credentials that were sealed for another lane do not open`() async throws {
        let state = try await bench.connectedState()
        var context = bench.context(.sync, state: state)
        context = JobContext(
            claim: LaneClaim(
                token: ClaimToken(
                    lane: Lane(tenant: TenantID("msp-4711")!, product: .fileProtection),
                    worker: WorkerID("w"),
                    fence: 1,
                    order: 1
                ),
                job: context.job,
                sealedPayload: [],
                mode: .work,
                state: state
            ),
            store: context.store,
            engine: context.engine,
            autotask: context.autotask,
            progress: bench.sink,
            breakers: context.breakers,
            quotas: context.quotas
        )
        let error = #expect(throws: JobError.self) { try TenantSession(context) }
        #expect(error?.code == .internal)
        #expect(error?.hint.contains("key ring") == true)
    }

    // MARK: The first 401

    @Test func `the first 401 looks the zone up once, without a secret, and ends the session`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        let session = try session(state)
        let first = try #require(await failure(of: session))
        #expect(first.consequence == .stop)
        #expect(first.error.code == .apiUserLockedOrInactive)
        #expect(bench.autotask.operations == [Self.code, "GET zoneInformation"])
        #expect(bench.autotask.calls.last?.header("Secret") == nil)

        let second = try #require(await failure(of: session))
        #expect(second.consequence == .stop && second.error.code == .apiUserLockedOrInactive)
        #expect(bench.autotask.calls.count == 2)
        #expect(session.context.apiCalls == 2)

        let after = state.applying(session.changes)
        #expect(after.connection?.status == .credentialsRejected)
        #expect(after.refusedCredentials.last?.digest == state.connection?.credentialsDigest)
        #expect(after.refusedCredentials.last?.at == bench.clock.now)
        #expect(session.stateEvents.map(\.type) == [.connectionLost])
        let lost = try #require(session.stateEvents.first)
        #expect(lost.jobID == nil)
        #expect(lost.members["causedBy"] == "job-1" && lost.members["jobId"] == nil)
        #expect(lost.errorCode == "api_user_locked_or_inactive")
        #expect(!String(decoding: lost.data, as: UTF8.self).contains(Workbench.secret))
    }

    @Test func `refused credentials stay refused if the zone look-up fails`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        bench.autotask.fail("GET zoneInformation", .noAnswer(.timedOut))
        let session = try session(state)
        let failure = try #require(await failure(of: session))
        #expect(failure.error.code == .apiUserLockedOrInactive)
        #expect(state.applying(session.changes).connection?.status == .credentialsRejected)
    }

    @Test func `if Autotask calls an API user locked, neither the user nor the zone is looked up again`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail(
            Self.code,
            .status(500, body: #"{"errors":["The user account has been locked.  Please see your Autotask Administrator for details."]}"#)
        )
        let session = try session(state)
        let failure = try #require(await failure(of: session))
        #expect(failure.consequence == .stop && failure.error.code == .apiUserLockedOrInactive)
        #expect(bench.autotask.operations == [Self.code])
        #expect(state.applying(session.changes).connection?.status == .credentialsRejected)
    }

    @Test func `a remembered refusal keeps a connect from sending the same credentials`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        let session = try session(state)
        _ = await failure(of: session)
        let after = state.applying(session.changes)
        bench.autotask.forgetCalls()
        let connect = try await bench.connect(bench.connectPayload(), state: after)
        #expect(connect.terminal?.errorCode == "api_user_locked_or_inactive")
        #expect(bench.autotask.calls.isEmpty)
    }

    // MARK: A zone that moved

    @Test(arguments: [
        FakeAutotask.Fault.status(401), .status(302, headers: [("location", "https://elsewhere.example/")]),
        .status(404, body: "<html></html>"), .noAnswer(.nameNotResolved, mayHaveBeenSent: false),
    ])
    func `a database that moved is followed silently, and the call is repeated once`(fault: FakeAutotask.Fault) async throws {
        let state = try await bench.connectedState()
        move(to: Self.newHost)
        bench.autotask.fail(Self.code, fault)
        let session = try session(state)
        #expect(try await session.billingCodes().count == 3)
        #expect(bench.autotask.calls.map(\.host) == [Self.oldHost, FakeAutotask.lookupHost, Self.newHost])
        #expect(session.context.apiCalls == 3)
        #expect(session.stateEvents.isEmpty)
        let after = state.applying(session.changes)
        #expect(after.connection?.zone.apiURL == "https://\(Self.newHost)/ATServicesRest/")
        #expect(after.connection?.zone.name == "AU29")
        #expect(after.connection?.status == .connected && after.connection?.databaseID == state.connection?.databaseID)

        _ = try await session.billingCodes()
        #expect(bench.autotask.calls.last?.host == Self.newHost)
        #expect(session.context.apiCalls == 4)
    }

    @Test(arguments: [
        (FakeAutotask.Fault.status(302), ErrorCode.autotaskUnavailable),
        (.noAnswer(.nameNotResolved, mayHaveBeenSent: false), .network),
        // Another zone refused the credentials, as it must: they are not wrong.
        (.status(401), .timeout),
    ])
    func `a repetition in the new zone that is given up has the first failure's error`(fault: FakeAutotask.Fault, code: ErrorCode)
        async throws
    {
        let state = try await bench.connectedState()
        move(to: Self.newHost)
        bench.autotask.fail(Self.code, fault, .noAnswer(.outOfTime))
        let failure = try #require(await failure(of: try session(state)))
        #expect(failure.error.code == code && failure.consequence == .retry(earliest: nil))
        #expect(bench.autotask.operations == [Self.code, "GET zoneInformation", Self.code])
    }

    @Test func `a second 401, in the new zone, refuses the credentials, and the new zone is still remembered`() async throws {
        let state = try await bench.connectedState()
        move(to: Self.newHost)
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        let session = try session(state)
        let failure = try #require(await failure(of: session))
        #expect(failure.error.code == .apiUserLockedOrInactive)
        #expect(bench.autotask.operations == [Self.code, "GET zoneInformation", Self.code])
        let after = state.applying(session.changes)
        #expect(after.connection?.status == .credentialsRejected)
        #expect(after.connection?.zone.name == "AU29")
        #expect(session.stateEvents.count == 1)
    }

    @Test(arguments: [FakeAutotask.Fault.status(401), .status(302), .noAnswer(.nameNotResolved, mayHaveBeenSent: false)])
    func `a user name that now leads to another database ends the connection`(fault: FakeAutotask.Fault) async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.users[Workbench.username]?.databaseID = Workbench.strangerDatabaseID }
        bench.autotask.fail(Self.code, fault)
        let session = try session(state)
        let failure = try #require(await failure(of: session))
        #expect(failure.consequence == .stop && failure.error.code == .databaseChanged)
        let after = state.applying(session.changes)
        #expect(after.connection?.status == .databaseMismatch)
        #expect(after.connection?.databaseID == Workbench.databaseID)
        #expect(after.connection?.zone == state.connection?.zone)
        #expect(after.refusedCredentials.isEmpty)
        #expect(session.stateEvents.map(\.type) == [.connectionLost])
        #expect(session.stateEvents.first?.errorCode == "database_changed")
        #expect(bench.autotask.calls.count == 2)
    }

    @Test func `an unreachable zone that has not moved is a temporary failure`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail(Self.code, .status(404), .status(404))
        let session = try session(state)
        let first = try #require(await failure(of: session))
        #expect(first.consequence == .retry(earliest: nil) && first.error.code == .autotaskUnavailable)
        // The look-up is made once in an attempt.
        #expect(await failure(of: session) != nil)
        #expect(bench.autotask.operations == [Self.code, "GET zoneInformation", Self.code])
        guard case .keep = session.changes.connection else {
            Issue.record("the connection is intact")
            return
        }
    }

    @Test(arguments: [FakeAutotask.Fault.lostAnswer, .noAnswer(.nameNotResolved, mayHaveBeenSent: true)])
    func `a write whose outcome is unknown is never repeated, wherever the database is now`(fault: FakeAutotask.Fault) async throws {
        let state = try await bench.connectedState()
        move(to: Self.newHost)
        bench.autotask.fail("PATCH Services", fault)
        let session = try session(state)
        do {
            _ = try await session.write(ServiceWrite(id: 7, fields: ManagedFields(name: "x")))
            Issue.record("the answer was lost")
        } catch {
            #expect(error.isOutcomeUnknown)
            #expect(error.consequence == .retry(earliest: nil))
        }
        #expect(bench.autotask.operations == ["PATCH Services"])
    }

    // MARK: Other failures

    @Test func `a refused tracking identifier ends the session, not the connection`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail(Self.code, .status(500, body: #"{"errors":["IntegrationCode is invalid."]}"#))
        let session = try session(state)
        let failure = try #require(await failure(of: session))
        #expect(failure.consequence == .stop && failure.error.code == .trackingIDRejected)
        #expect(await self.failure(of: session)?.error.code == .trackingIDRejected)
        #expect(bench.autotask.calls.count == 1)
        #expect(session.stateEvents.isEmpty)
        #expect(state.applying(session.changes).connection == state.connection)
        #expect(state.applying(session.changes).refusedCredentials.isEmpty)
    }

    @Test func `a refusal of one request leaves the session open`() async throws {
        bench.autotask.fail(Self.code, .status(500, body: #"{"errors":["Unable to find x in the BillingCode Entity"]}"#))
        let session = try session(try await bench.connectedState())
        let failure = try #require(await failure(of: session))
        #expect(failure.consequence == .refused && failure.error.code == .remoteRejected)
        #expect(try await session.billingCodes().count == 3)
    }

    @Test func `a temporary failure says when to try again`() async throws {
        bench.autotask.fail(Self.code, .status(429, headers: [("retry-after", "90")]))
        let session = try session(try await bench.connectedState())
        let failure = try #require(await failure(of: session))
        #expect(failure.consequence == .retry(earliest: bench.clock.now + .seconds(90)))
    }

    @Test func `a job's findings about the API user are remembered with the connection`() async throws {
        let state = try await bench.connectedState()
        let session = try session(state)
        session.connection.capabilities.costVisible = true
        #expect(state.applying(session.changes).connection?.capabilities.costVisible == true)
    }
}
