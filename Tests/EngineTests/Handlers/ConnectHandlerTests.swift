import Autotask
import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Connect")
struct ConnectHandlerTests {
    private var bench = Workbench()
    private let fresh = LaneState(epoch: 1)

    private func warningCodes(_ event: Event?) -> [String?] {
        event?.members["warnings"]?.array?.map { $0["code"]?.string } ?? []
    }

    // MARK: Success

    @Test func `zone and database are found and kept, the credentials are sealed, and the event has the page's sentence`() async throws {
        let outcome = try await bench.connect(bench.connectPayload())
        let event = try #require(outcome.terminal)
        #expect(outcome.events.map(\.type) == [.connectionEstablished])
        #expect(event.members["jobId"] == "job-1")
        #expect(event.members["message"] == "Connection was established")
        #expect(event.members["severity"] == "success")
        #expect(
            event.members["zone"] == [
                "name": "AE02", "apiUrl": "https://webservices14.autotask.net/ATServicesRest/", "webUrl": "https://ww14.autotask.net/",
            ]
        )
        #expect(event.members["databaseId"] == 123_456)
        #expect(event.members["username"] == "ap…@demo.example")
        #expect(
            event.members["capabilities"] == ["services": ["query": true, "create": true, "update": true], "costVisible": nil]
        )
        #expect(event.members["warnings"] == [])

        let state = fresh.applying(outcome.changes)
        let connection = try #require(state.connection)
        #expect(connection.status == .connected)
        #expect(connection.databaseID == Workbench.databaseID)
        #expect(connection.establishedAt == bench.clock.now)
        #expect(connection.username == "ap…@demo.example")
        let fields = try #require(ServiceFields(json: JSON(parsing: connection.serviceFields)))
        #expect(fields.monthlyPeriodType == 2 && fields.yearlyPeriodType == 5 && fields.maximumNameLength == 150)
        #expect(state.isEligible)
        #expect(bench.store.current.occupied == [Workbench.databaseID])
    }

    @Test func `it takes four calls, one at a time, and the probe runs alone before the others`() async throws {
        _ = try await bench.connect(bench.connectPayload())
        #expect(
            bench.autotask.operations == [
                "GET zoneInformation", "GET Version", "GET Services/entityInformation", "GET Services/entityInformation/fields",
            ]
        )
        #expect(bench.apiCalls == 4)
        #expect(bench.autotask.maximumInFlight == 1)
    }

    @Test func `no secret is sent to the zone look-up, and the trace is sent everywhere`() async throws {
        _ = try await bench.connect(bench.connectPayload())
        let lookup = try #require(bench.autotask.calls.first)
        #expect(lookup.host == FakeAutotask.lookupHost)
        #expect(lookup.header("Secret") == nil && lookup.header("ApiIntegrationCode") == nil && lookup.header("UserName") == nil)
        #expect(bench.autotask.calls.allSatisfy { $0.traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" })
    }

    @Test func `no secret is stored or published`() async throws {
        let code = "TENANT-CODE-é"
        bench.autotask.change { $0.users[Workbench.username]?.integrationCode = code }
        let outcome = try await bench.connect(bench.connectPayload(Workbench.plaintext(integrationCode: code)))
        let connection = try #require(fresh.applying(outcome.changes).connection)
        let texts =
            outcome.events.map { String(decoding: $0.data, as: UTF8.self) } + [
                String(decoding: connection.sealedCredentials + connection.wrappedKey + connection.credentialsDigest, as: UTF8.self),
                "\(outcome)",
            ]
        for text in texts {
            #expect(!text.contains(Workbench.secret) && !text.contains(#"\"-Horse"#))
            #expect(!text.contains(code))
            #expect(!text.contains(Workbench.username))
        }
    }

    @Test func `a tenant's own tracking identifier replaces the vendor's`() async throws {
        bench.autotask.change { $0.users[Workbench.username]?.integrationCode = "TENANT-CODE" }
        let vendors = try await bench.connect(bench.connectPayload())
        #expect(vendors.terminal?.errorCode == "credentials_invalid")
        let own = try await bench.connect(bench.connectPayload(Workbench.plaintext(integrationCode: "TENANT-CODE")))
        #expect(own.terminal?.type == .connectionEstablished)
        let state = fresh.applying(own.changes)
        bench.autotask.forgetCalls()
        let codes = await BillingCodesHandler().run(BillingCodesPayload(), bench.context(.billingCodes, state: state))
        #expect(codes.terminal?.type == .billingCodesListed)
    }

    @Test func `clear credentials connect as well`() async throws {
        let payload = ConnectPayload(
            credentials: .clear(Array(Workbench.plaintext().utf8)),
            firstConfiguredAt: Timestamp("2021-05-04T00:00:00Z")
        )
        let outcome = try await bench.connect(payload)
        #expect(outcome.terminal?.type == .connectionEstablished)
    }

    @Test(arguments: [
        (["Create": false, "Update": false], "The API user may not create or update services in Autotask: a sync will fail."),
        (["Update": false], "The API user may not update services in Autotask: a sync will fail."),
    ])
    func `an API user who may not write connects with a warning`(access: [String: Bool], text: String) async throws {
        bench.autotask.change { $0.databases[Workbench.databaseID]?.access = access }
        let event = try await bench.connect(bench.connectPayload()).terminal
        #expect(event?.type == .connectionEstablished)
        #expect(warningCodes(event) == ["read_only"])
        #expect(event?.members["warnings"]?.array?.first?["message"] == .string(text))
        #expect(event?.members["capabilities"]?["services"]?["update"] == false)
    }

    // MARK: The access gate

    @Test(arguments: [nil, "2023-06-01T00:00:00Z", "2024-01-01T00:00:00Z"])
    func `a tenant that was not configured before the cutoff is refused without a call, with a hint`(first: String?) async throws {
        let payload = try bench.connectPayload(firstConfiguredAt: first.flatMap { Timestamp($0) })
        let outcome = try await bench.connect(payload)
        #expect(outcome.terminal?.type == .connectionFailed)
        #expect(outcome.terminal?.errorCode == "integration_not_available")
        #expect(
            outcome.terminal?.members["error"]?["hint"]?.string?.contains("switch to Integrated Billing via Autotask") == true
        )
        // Only the portal knows the moment.
        #expect(outcome.terminal?.members["error"]?["fixableBy"] == (first == nil ? "portal" : "mspAdmin"))
        #expect(!fresh.applying(outcome.changes).isEligible)
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test func `a moment before the cutoff passes, and later connects need none`() async throws {
        let outcome = try await bench.connect(bench.connectPayload(firstConfiguredAt: Timestamp("2023-05-31T23:59:59.999Z")))
        #expect(outcome.terminal?.type == .connectionEstablished)
        let state = fresh.applying(outcome.changes)
        let again = try await bench.connect(bench.connectPayload(firstConfiguredAt: nil), state: state)
        #expect(again.terminal?.type == .connectionEstablished)
    }

    @Test func `eligibility survives a reset, and a later failed connect`() async throws {
        let failed = try await bench.connect(bench.connectPayload(Workbench.plaintext(secret: "wrong")))
        let state = fresh.applying(failed.changes)
        #expect(state.isEligible && state.connection == nil)
        let reset = ResetHandler().run(ResetPayload(), bench.context(.reset, state: state))
        let again = try await bench.connect(bench.connectPayload(firstConfiguredAt: nil), state: state.applying(reset.changes))
        #expect(again.terminal?.type == .connectionEstablished)
    }

    @Test mutating func `without a cutoff the gate is off`() async throws {
        bench.settings.accessCutoff = nil
        let outcome = try await bench.connect(bench.connectPayload(firstConfiguredAt: nil))
        #expect(outcome.terminal?.type == .connectionEstablished)
    }

    // MARK: Credentials that do not open

    @Test func `unopenable credentials are reported before a closed access gate`() async throws {
        var payload = try bench.connectPayload(job: "job-2")
        payload.firstConfiguredAt = nil
        let outcome = try await bench.connect(payload)
        #expect(outcome.terminal?.errorCode == "decryption_failed" && !outcome.changes.becomesEligible)
        let late = try await bench.connect(bench.connectPayload(firstConfiguredAt: nil))
        let error = try #require(late.terminal?.members["error"])
        #expect(error["code"] == "integration_not_available" && error["field"] == "data.firstConfiguredAt")
        #expect(error["hint"]?.string?.hasPrefix("Send data.firstConfiguredAt") == true)
    }

    @Test func `credentials sealed for another job do not open, and the job is rejected`() async throws {
        let outcome = try await bench.connect(bench.connectPayload(job: "job-2"))
        #expect(outcome.events.map(\.type) == [.jobRejected])
        #expect(outcome.terminal?.errorCode == "decryption_failed")
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test func `credentials sealed with a key that is not in the ring are rejected for that reason`() async throws {
        var sealed = try bench.sealed()
        sealed.keyID = "gone"
        let payload = ConnectPayload(credentials: .sealed(sealed), firstConfiguredAt: Timestamp("2021-05-04T00:00:00Z"))
        let outcome = try await bench.connect(payload)
        #expect(outcome.terminal?.type == .jobRejected)
        #expect(outcome.terminal?.errorCode == "key_unknown")
    }

    @Test(arguments: ["not JSON", #"{"username":"a"}"#, #"{"username":"a","secret":"line\nbreak"}"#])
    func `a plaintext without usable credentials is rejected`(plaintext: String) async throws {
        let outcome = try await bench.connect(bench.connectPayload(plaintext))
        #expect(outcome.terminal?.type == .jobRejected)
        #expect(outcome.terminal?.errorCode == "job_invalid")
        #expect(bench.autotask.calls.isEmpty)
    }

    // MARK: Refusals

    @Test func `wrong credentials fail with the page's sentence, and are sent exactly once`() async throws {
        let outcome = try await bench.connect(bench.connectPayload(Workbench.plaintext(secret: "wrong")))
        let event = try #require(outcome.terminal)
        #expect(outcome.events.map(\.type) == [.connectionFailed])
        #expect(event.members["message"] == "Failed to establish connection")
        #expect(event.members["severity"] == "error")
        #expect(event.members["previousConnectionActive"] == false)
        #expect(event.errorCode == "credentials_invalid")
        #expect(event.members["error"]?["message"] == "The API user name or password was not accepted by Autotask.")
        #expect(event.members["error"]?["hint"]?.string?.contains("may take up to 5 minutes") == true)
        #expect(bench.autotask.operations == ["GET zoneInformation", "GET Version"])
        #expect(bench.apiCalls == 2)
        #expect(fresh.applying(outcome.changes).refusedCredentials.map(\.code) == [.credentialsInvalid])
    }

    @Test func `a user name that no zone knows fails, and no secret is sent`() async throws {
        let outcome = try await bench.connect(bench.connectPayload(Workbench.plaintext("somebody@example.org")))
        #expect(outcome.terminal?.type == .connectionFailed)
        #expect(outcome.terminal?.errorCode == "zone_not_found")
        #expect(bench.autotask.operations == ["GET zoneInformation"])
        #expect(bench.apiCalls == 1)
    }

    @Test func `a refused tracking identifier is the operator's problem, and the credentials are not blamed`() async throws {
        bench.autotask.fail("GET Version", .status(500, body: #"{"errors":["IntegrationCode is invalid."]}"#))
        let outcome = try await bench.connect(bench.connectPayload())
        #expect(outcome.terminal?.errorCode == "tracking_id_rejected")
        #expect(outcome.terminal?.members["error"]?["fixableBy"] == "operator")
        #expect(fresh.applying(outcome.changes).refusedCredentials.isEmpty)
    }

    @Test func `an API user that may not query services gets the name of the missing permission`() async throws {
        let text = #"{"errors":["The logged in Resource does not have the adequate permissions to query this entity type"]}"#
        bench.autotask.fail("GET Services/entityInformation", .status(500, body: text))
        let outcome = try await bench.connect(bench.connectPayload())
        #expect(outcome.terminal?.type == .connectionFailed)
        #expect(outcome.terminal?.errorCode == "permission_denied")
    }

    // MARK: Over an existing connection

    @Test func `a failed connect leaves the working connection as it was, and says so`() async throws {
        let state = try await bench.connectedState()
        let outcome = try await bench.connect(bench.connectPayload(Workbench.plaintext(secret: "typo")), state: state)
        #expect(outcome.events.map(\.type) == [.connectionFailed])
        #expect(outcome.terminal?.members["previousConnectionActive"] == true)
        let after = state.applying(outcome.changes)
        #expect(after.connection == state.connection)
        let codes = await BillingCodesHandler().run(BillingCodesPayload(), bench.context(.billingCodes, state: after))
        #expect(codes.terminal?.type == .billingCodesListed)
    }

    @Test func `new credentials replace the old ones without reporting a recovery`() async throws {
        let state = try await bench.connectedState()
        let outcome = try await bench.connect(bench.connectPayload(Workbench.plaintext(Workbench.otherUsername)), state: state)
        #expect(outcome.events.map(\.type) == [.connectionEstablished])
        let after = state.applying(outcome.changes)
        #expect(after.connection?.credentialsDigest != state.connection?.credentialsDigest)
        #expect(after.connection?.wrappedKey != state.connection?.wrappedKey)
    }

    @Test(arguments: [
        (ConnectionRecord.Status.credentialsRejected, "api_user_locked_or_inactive"), (.databaseMismatch, "database_changed"),
    ])
    func `a connect that repairs a lost connection first reports the recovery`(status: ConnectionRecord.Status, code: String) async throws {
        var state = try await bench.connectedState()
        state.connection?.status = status
        let outcome = try await bench.connect(bench.connectPayload(), state: state)
        #expect(outcome.events.map(\.type) == [.connectionRecovered, .connectionEstablished])
        let recovered = try #require(outcome.events.first)
        #expect(recovered.jobID == nil)
        #expect(recovered.members["causedBy"] == "job-1")
        #expect(recovered.members["lostBecause"]?["code"] == .string(code) && recovered.members["error"] == nil)
        #expect(state.applying(outcome.changes).connection?.status == .connected)
    }

    @Test func `a failed connect over a lost connection does not call it active`() async throws {
        var state = try await bench.connectedState()
        state.connection?.status = .credentialsRejected
        let outcome = try await bench.connect(bench.connectPayload(Workbench.plaintext(secret: "typo")), state: state)
        #expect(outcome.events.map(\.type) == [.connectionFailed])
        #expect(outcome.terminal?.members["previousConnectionActive"] == false)
    }

    @Test func `if the credentials in use are the refused ones, the connection is lost too`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        let outcome = try await bench.connect(bench.connectPayload(), state: state)
        #expect(outcome.events.map(\.type) == [.connectionLost, .connectionFailed])
        #expect(outcome.terminal?.errorCode == "api_user_locked_or_inactive")
        #expect(outcome.terminal?.members["previousConnectionActive"] == false)
        let after = state.applying(outcome.changes)
        #expect(after.connection?.status == .credentialsRejected)
        bench.autotask.forgetCalls()
        let codes = await BillingCodesHandler().run(BillingCodesPayload(), bench.context(.billingCodes, state: after))
        #expect(codes.terminal?.errorCode == "api_user_locked_or_inactive")
        #expect(bench.autotask.calls.isEmpty)

        bench.clock.advance(by: .seconds(300))
        let again = try await bench.connect(bench.connectPayload(), state: after)
        #expect(again.events.map(\.type) == [.connectionFailed])
        #expect(again.terminal?.errorCode == "api_user_locked_or_inactive")
    }

    // MARK: Another database

    @Test func `credentials of another database are refused before a secret is sent`() async throws {
        let state = try await bench.connectedState()
        let outcome = try await bench.connect(bench.connectPayload(Workbench.plaintext(Workbench.strangerUsername)), state: state)
        #expect(outcome.terminal?.type == .connectionFailed)
        #expect(outcome.terminal?.errorCode == "database_changed")
        #expect(outcome.terminal?.members["previousConnectionActive"] == true)
        #expect(bench.autotask.operations == ["GET zoneInformation"])
        #expect(state.applying(outcome.changes).connection == state.connection)
    }

    @Test func `a confirmed database change forgets the bindings of the old one`() async throws {
        var state = try await bench.connectedState()
        state.bindings = [ServiceBinding(planID: "plan", serviceKey: "license-monthly", autotaskServiceID: 7, status: .synced)]
        state.openWrites = [
            JournalEntry(
                planID: "plan",
                serviceKey: "a",
                operation: .create,
                state: .sent,
                autotaskServiceID: nil,
                at: bench.clock.now
            )
        ]
        state.billingCodes = CachedBillingCodes(readAt: bench.clock.now, codes: [])
        let payload = try bench.connectPayload(Workbench.plaintext(Workbench.strangerUsername), allowDatabaseChange: true)
        let outcome = try await bench.connect(payload, state: state)
        #expect(outcome.events.map(\.type) == [.connectionEstablished])
        #expect(outcome.terminal?.members["databaseId"] == 999_999)
        let after = state.applying(outcome.changes)
        #expect(after.bindings.isEmpty && after.openWrites.isEmpty && after.billingCodes == nil)
        #expect(after.unsettledSince == bench.clock.now)
    }

    @Test func `permission to change the database changes nothing while it is the same`() async throws {
        var state = try await bench.connectedState()
        state.bindings = [ServiceBinding(planID: "plan", serviceKey: "license-monthly", autotaskServiceID: 7, status: .synced)]
        let outcome = try await bench.connect(bench.connectPayload(allowDatabaseChange: true), state: state)
        #expect(outcome.terminal?.type == .connectionEstablished)
        #expect(state.applying(outcome.changes).bindings == state.bindings)
    }

    @Test func `without a place at the database, the job is put back before a secret is sent`() async throws {
        bench.store.change { $0.crowded = [Workbench.databaseID] }
        let outcome = try await bench.connect(bench.connectPayload())
        guard case .postponed = outcome.ending else {
            Issue.record("the job must be put back")
            return
        }
        #expect(outcome.events.isEmpty)
        #expect(bench.apiCalls == 1)
        #expect(bench.autotask.operations == ["GET zoneInformation"])
    }

    @Test func `a lane that another worker has taken over is left alone`() async throws {
        bench.store.change { $0.error = .fenced }
        let error = try #require(await #expect(throws: StoreError.self) { try await bench.connect(bench.connectPayload()) })
        #expect(error.code == .fenced)
        #expect(bench.autotask.operations == ["GET zoneInformation"])
    }

    // MARK: Temporary failures

    @Test(arguments: [
        ("GET zoneInformation", FakeAutotask.Fault.noAnswer(.nameNotResolved, mayHaveBeenSent: false), ErrorCode.network),
        ("GET Version", .noAnswer(.timedOut), .timeout), ("GET Version", .status(503), .autotaskUnavailable),
        ("GET Services/entityInformation", .status(429), .rateLimited),
        ("GET Services/entityInformation/fields", .status(200, body: "<html>"), .autotaskUnavailable),
    ])
    func `a temporary failure is retried, and fails as a connect if it lasts`(
        operation: String,
        fault: FakeAutotask.Fault,
        code: ErrorCode
    ) async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail(operation, fault)
        let outcome = try await bench.connect(bench.connectPayload(), state: state)
        guard case .transient(let error, _, let failure) = outcome.ending else {
            Issue.record("this must be retried")
            return
        }
        #expect(error.code == code)
        #expect(outcome.events.isEmpty)
        #expect(failure.type == .connectionFailed)
        #expect(failure.members["message"] == "Failed to establish connection")
        #expect(failure.members["previousConnectionActive"] == true)
        #expect(failure.errorCode == code.rawValue)
        let after = state.applying(outcome.changes)
        #expect(after.connection == state.connection && after.refusedCredentials.isEmpty)
    }

    @Test func `it is not retried before Autotask allows it`() async throws {
        bench.autotask.fail("GET Version", .status(429, headers: [("retry-after", "120")]))
        let outcome = try await bench.connect(bench.connectPayload())
        guard case .transient(_, let earliest, _) = outcome.ending else {
            Issue.record("429 must be retried")
            return
        }
        #expect(earliest == bench.clock.now + .seconds(120))
    }

    @Test func `a job that must not continue ends with the reason`() async throws {
        let outcome = ConnectHandler().conclude(try bench.connectPayload(), because: JobError(.superseded), bench.context(.connect))
        #expect(outcome.terminal?.type == .connectionFailed)
        #expect(outcome.terminal?.errorCode == "superseded")
        #expect(bench.autotask.calls.isEmpty)
    }
}
