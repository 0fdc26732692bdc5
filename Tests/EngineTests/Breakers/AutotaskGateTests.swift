import Autotask
import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Held-back calls")
struct AutotaskGateTests {
    private let bench = Workbench()

    /// Reads services over the connection of `state`, as `count` attempts at jobs would.
    private func read(_ count: Int, _ state: LaneState) async throws -> [CallFailure?] {
        var failures: [CallFailure?] = []
        for _ in 0..<count {
            let session = try TenantSession(bench.context(.sync, state: state))
            do throws(CallFailure) {
                _ = try await session.services(ServiceQuery(ids: [1], markerField: nil))
                failures.append(nil)
            } catch {
                failures.append(error)
            }
        }
        return failures
    }

    @Test func `calls to a failing database are held back, and its zone's other databases are not affected`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail("POST Services/query", .status(500), .status(500), .status(500))
        let failures = try await read(4, state)
        #expect(failures.map { $0?.error.code } == Array(repeating: .autotaskUnavailable, count: 4))
        #expect(failures.last??.cause?.kind == .heldBack(.outage))
        #expect(bench.autotask.operations.count { $0 == "POST Services/query" } == 3)
        guard case .retry(let earliest?) = failures.last??.consequence else {
            Issue.record("The deferral has no time.")
            return
        }
        #expect(earliest > bench.clock.now)

        var other = state
        other.connection?.databaseID += 1
        #expect(try await read(1, other).map { $0?.error.code } == [nil])
    }

    @Test func `calls to a silent zone are held back for every caller`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail("POST Services/query", .noAnswer(.timedOut), .noAnswer(.timedOut))
        _ = try await read(2, state)
        var other = state
        other.connection?.databaseID += 1
        bench.autotask.fail("POST Services/query", .noAnswer(.cannotConnect), .status(503), .noAnswer(.connectionLost))
        _ = try await read(3, other)
        var third = state
        third.connection?.databaseID += 2
        #expect(try await read(1, third)[0]?.cause?.kind == .heldBack(.outage))

        var elsewhere = third
        elsewhere.connection?.zone.apiURL = "https://webservices25.autotask.net/atservicesrest/"
        #expect(try await read(1, elsewhere)[0]?.cause?.kind != .heldBack(.outage))
    }

    @Test func `a database that fails on every new try does not close its zone`() async throws {
        let state = try await bench.connectedState()
        var other = state
        other.connection?.databaseID += 1
        for _ in 0..<10 {
            bench.clock.advance(by: .seconds(120))
            bench.autotask.fail("POST Services/query", .noAnswer(.connectionLost))
            _ = try await read(1, state)
        }
        #expect(bench.autotask.operations.count { $0 == "POST Services/query" } == 10)
        #expect(try await read(1, other).map { $0?.error.code } == [nil])
    }

    @Test(arguments: ["<h1>Log in to Hotel WLAN</h1>", "Unauthorized", "{}", "\u{FEFF}<html></html>"])
    func `credentials that meet an unknown refusal page are sent three times, and then seldom`(page: String) async throws {
        let state = try await bench.connectedState()
        bench.autotask.change { $0.faults["POST Services/query"] = Array(repeating: .status(401, body: page), count: 1000) }
        let failures = try await read(20, state)
        #expect(failures.allSatisfy { $0?.error.code == .autotaskUnavailable })
        #expect(bench.autotask.operations.count { $0 == "POST Services/query" } == 3)
        #expect(failures.last??.cause?.kind == .heldBack(.outage))
        // In an hour with a call every ten seconds, at most five more are sent: the pause doubles.
        for _ in 0..<360 {
            bench.clock.advance(by: .seconds(10))
            _ = try await read(1, state)
        }
        #expect((4...8).contains(bench.autotask.operations.count { $0 == "POST Services/query" }))
        // Other credentials are sent at once, and these again once the obstacle is gone.
        var other = state
        other.connection?.credentialsDigest = [1]
        bench.autotask.change { $0.faults = [:] }
        #expect(try await read(1, other).map { $0?.error.code } == [nil])
        bench.clock.advance(by: .seconds(3600))
        #expect(try await read(3, state).map { $0?.error.code } == [nil, nil, nil])
    }

    @Test func `a connect with credentials that meet an unknown refusal page sends them three times`() async throws {
        for _ in 0..<10 {
            bench.autotask.fail("GET Version", .status(401, body: "<html>Log in</html>"))
            _ = try await bench.connect(bench.connectPayload())
        }
        #expect(bench.autotask.operations.count { $0 == "GET Version" } == 3)
        #expect(try await bench.connect(bench.connectPayload(Workbench.plaintext(secret: "another"))).terminal?.type == .connectionFailed)
    }

    @Test func `refusals by Autotask do not open the breaker`() async throws {
        let state = try await bench.connectedState()
        let refusal = #"{"errors":["A value is required for the field name"]}"#
        for _ in 0..<8 { bench.autotask.fail("POST Services/query", .status(500, body: refusal)) }
        #expect(try await read(9, state).last! == nil)
    }

    @Test func `a rate limit holds for every caller of the database, until the time that Autotask states`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail("POST Services/query", .status(429, headers: [(name: "Retry-After", value: "120")]))
        let failures = try await read(2, state)
        #expect(failures.map { $0?.error.code } == [.rateLimited, .rateLimited])
        #expect(failures[1]?.cause?.kind == .heldBack(.limits))
        bench.clock.advance(by: .seconds(120))
        #expect(try await read(1, state).map { $0?.error.code } == [nil])
    }

    @Test func `a held-back look-up does not count as a call`() async throws {
        bench.autotask.fail("GET zoneInformation", .status(503), .status(503), .status(503), .status(503), .status(503))
        var counts: [Int] = []
        for _ in 1...6 {
            _ = try await bench.connect(bench.connectPayload())
            counts.append(bench.apiCalls)
        }
        #expect(counts == [1, 1, 1, 1, 1, 0])
        #expect(bench.autotask.calls.count == 5)
    }

    @Test func `a held-back attempt says so`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail("POST Services/query", .status(500), .status(500), .status(500))
        _ = try await read(3, state)
        let context = bench.context(.sync, state: state)
        let session = try TenantSession(context)
        #expect(!context.isHeldUp)
        let services = try? await session.services(ServiceQuery(ids: [1], markerField: nil))
        #expect(services == nil)
        #expect(context.isHeldUp && session.context.apiCalls == 0)
    }

    @Test func `no call leaves once another worker may take over`() async throws {
        let context = bench.context(.sync, state: try await bench.connectedState())
        let gate = AutotaskGate(context, url: FakeAutotask.lookupURL, databaseID: 1, credentials: nil)
        bench.worker.holdsLease(until: bench.clock.now + Clocks.tolerance + .seconds(1))
        #expect(gate.mayStillCall())
        bench.clock.advance(by: .seconds(1))
        #expect(!gate.mayStillCall())
    }

    /// A worker that stood still, was taken for dead and joined again holds a valid lease, but not for its earlier claims.
    @Test func `no call leaves for a claim from before the worker joined again`() async throws {
        let context = bench.context(.sync, state: try await bench.connectedState())
        let gate = AutotaskGate(context, url: FakeAutotask.lookupURL, databaseID: 1, credentials: nil)
        bench.worker.become(WorkerID("worker-1, once more"))
        bench.worker.holdsLease(until: bench.clock.now + .seconds(60))
        #expect(!gate.mayStillCall())
    }
}
