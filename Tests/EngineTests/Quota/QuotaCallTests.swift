import Autotask
import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Calls and the quota")
struct QuotaCallTests {
    private let bench = Workbench()

    private var operations: [FakeAutotask.Operation] { bench.autotask.allCalls.map(\.operation) }
    private var questions: Int { operations.count { $0 == FakeAutotask.question } }

    private func use(_ used: Int, of limit: Int = 10_000) {
        bench.autotask.change {
            $0.databases[Workbench.databaseID]?.quotaUsed = used
            $0.databases[Workbench.databaseID]?.quotaLimit = limit
        }
    }

    /// Reads services over the connection of `state`, as `count` attempts at jobs would.
    private func read(_ count: Int, _ state: LaneState, as kind: JobKind = .sync, hasWritten: Bool = false) async throws -> [CallFailure?] {
        var failures: [CallFailure?] = []
        for _ in 0..<count {
            let session = try TenantSession(bench.context(kind, state: state, hasWritten: hasWritten))
            do throws(CallFailure) {
                _ = try await session.services(ServiceQuery(ids: [1], markerField: nil))
                failures.append(nil)
            } catch {
                failures.append(error)
            }
        }
        return failures
    }

    /// Anybody can name a database's API user in a connect.
    @Test func `calls for which Autotask refuses the credentials use nothing of the database's share`() async throws {
        let state = try await bench.connectedState()
        let used = bench.quotas.usage(of: Workbench.databaseID, at: bench.clock.now)
        for number in 0..<9 {
            let outcome = try await bench.connect(bench.connectPayload(Workbench.plaintext(secret: "wrong \(number)")))
            #expect(outcome.terminal?.type == .connectionFailed)
        }
        #expect(bench.quotas.usage(of: Workbench.databaseID, at: bench.clock.now) == used && used.own == 3)
        #expect(try await read(7, state).allSatisfy { $0 == nil } && questions == 0)
    }

    @Test func `the usage is requested after ten calls, once a minute, and is not recorded as a call of the job`() async throws {
        let state = try await bench.connectedState()
        // The connect made three calls.
        #expect(try await read(7, state).allSatisfy { $0 == nil })
        #expect(questions == 0)
        let session = try TenantSession(bench.context(.sync, state: state))
        _ = try await session.services(ServiceQuery(ids: [1], markerField: nil))
        #expect(operations.suffix(2) == [FakeAutotask.question, "POST Services/query"])
        #expect(session.context.apiCalls == 1)
        #expect(try await read(30, state).allSatisfy { $0 == nil })
        #expect(questions == 1)
        bench.clock.advance(by: .seconds(60))
        #expect(try await read(30, state).allSatisfy { $0 == nil })
        #expect(questions == 2)
    }

    @Test(arguments: [(7600, JobKind.billingCodes, false), (9100, .sync, false), (9600, .sync, true)])
    func `a call that the usage holds back waits, uncounted, until the usage has fallen`(
        used: Int,
        kind: JobKind,
        hasWritten: Bool
    ) async throws {
        let state = try await bench.connectedState()
        use(used)
        _ = try await read(8, state, as: kind, hasWritten: hasWritten)
        bench.autotask.forgetCalls()
        let context = bench.context(kind, state: state, hasWritten: hasWritten)
        let session = try TenantSession(context)
        let failure = await #expect(throws: CallFailure.self) { try await session.services(ServiceQuery(ids: [1], markerField: nil)) }
        #expect(failure?.error.code == .rateLimited)
        #expect(failure?.consequence == .retry(earliest: bench.clock.now + .seconds(60)))
        #expect(context.isHeldUp && session.context.apiCalls == 0 && bench.autotask.allCalls.isEmpty)

        use(1000)
        bench.clock.advance(by: .seconds(60))
        #expect(try await read(1, state, as: kind, hasWritten: hasWritten).map { $0?.error.code } == [nil])
        #expect(operations == [FakeAutotask.question, "POST Services/query"])
    }

    @Test func `a sync that has written continues where one that has not waits`() async throws {
        let state = try await bench.connectedState()
        use(9100)
        #expect(try await read(9, state).last??.error.code == .rateLimited)
        #expect(try await read(1, state, hasWritten: true).map { $0?.error.code } == [nil])
    }

    @Test func `from its first write on a sync must be finished`() async throws {
        let context = bench.context(.sync, state: try await bench.connectedState())
        let session = try TenantSession(context)
        #expect(context.callPriority == .interactive)
        let service = ServiceWrite(
            fields: ManagedFields(
                name: "License Monthly",
                unitPrice: Money(contract: "9")!,
                unitCost: Money(contract: "4.5"),
                billingCodeID: 29_683_001,
                periodType: 2
            )
        )
        bench.autotask.fail("POST Services", .status(500, body: #"{"errors":["no"]}"#))
        await #expect(throws: CallFailure.self) { try await session.write(service) }
        #expect(context.callPriority == .interactive)
        _ = try await session.write(service)
        #expect(context.callPriority == .finishing)
    }

    @Test func `the share is never exceeded, and a connect passes`() async throws {
        let state = try await bench.connectedState()
        use(0, of: 40)
        let failures = try await read(40, state)
        #expect(failures.last??.error.code == .rateLimited)
        #expect(failures.last??.cause?.kind == .heldBack(.quota))
        // This includes three calls of the connect, whose zone look-up uses no quota.
        #expect(bench.autotask.allCalls.count + 3 == 20)
        let outcome = try await bench.connect(bench.connectPayload(), state: state)
        #expect(outcome.terminal?.type == .connectionEstablished)
    }

    @Test(arguments: [
        FakeAutotask.Fault.status(403), .status(500), .status(200, body: "{}"), .noAnswer(.timedOut),
        .status(200, body: #"{"externalRequestThreshold":0,"requestThresholdTimeframe":60,"currentTimeframeRequestCount":5}"#),
    ])
    func `a failed request for the usage holds up no call`(fault: FakeAutotask.Fault) async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail(FakeAutotask.question, fault)
        #expect(try await read(20, state).allSatisfy { $0 == nil })
        #expect(questions == 1)
    }

    @Test func `credentials that the request for the usage shows to be refused are not used again`() async throws {
        let state = try await bench.connectedState()
        #expect(try await read(7, state).allSatisfy { $0 == nil })
        bench.autotask.change { $0.users[Workbench.username]?.secret = "changed" }
        bench.autotask.forgetCalls()
        let session = try TenantSession(bench.context(.sync, state: state))
        let failure = await #expect(throws: CallFailure.self) { try await session.billingCodes() }
        #expect(failure?.error.code == .apiUserLockedOrInactive)
        #expect(operations == [FakeAutotask.question, "GET zoneInformation"])
        #expect(session.stateEvents.map(\.type) == [.connectionLost])
    }
}
