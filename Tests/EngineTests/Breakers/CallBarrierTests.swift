import Autotask
import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Barriers: what breakers and quotas hold back, for commands")
struct CallBarrierTests {
    private let bench = Workbench()
    private let database = CallBarrier.Part.database(Workbench.databaseID)
    private let zone = CallBarrier.Part.zone(host: Workbench.zoneHost)

    private func read(_ count: Int, _ state: LaneState, _ kind: JobKind = .sync) async throws {
        for _ in 0..<count {
            let session = try TenantSession(bench.context(kind, state: state))
            do throws(CallFailure) { _ = try await session.services(ServiceQuery(ids: [1], markerField: nil)) } catch {}
        }
    }

    private var unsaved: [CallBarrier]? { bench.barriers.unsaved(at: bench.clock.now) }

    @Test func `a database that fails is a barrier from the opening of its breaker until a probe succeeds`() async throws {
        let state = try await bench.connectedState()
        #expect(unsaved == nil)
        bench.autotask.fail("POST Services/query", .status(500), .status(500), .status(500))
        try await read(2, state)
        #expect(unsaved == nil)
        try await read(1, state)
        let opened = bench.clock.now
        let barrier = try #require(unsaved?.first)
        #expect(barrier.part == database && barrier.cause == .outage && barrier.since == opened && barrier.until ?? opened > opened)
        // Jobs that are held back change nothing.
        try await read(5, state)
        #expect(unsaved == nil)
        bench.clock.advance(by: .seconds(60))
        bench.autotask.fail("POST Services/query", .status(500))
        try await read(1, state)
        let again = try #require(unsaved)
        #expect(again.map(\.since) == [opened] && again[0].until ?? opened > bench.clock.now)
        bench.clock.advance(by: .seconds(120))
        try await read(1, state)
        #expect(unsaved == [])
        try await read(5, state)
        #expect(unsaved == nil)
    }

    @Test func `a silent zone is a barrier, and credentials that meet an unknown refusal are one`() async throws {
        let state = try await bench.connectedState()
        var other = state
        other.connection?.databaseID += 1
        bench.autotask.change { $0.faults["POST Services/query"] = Array(repeating: .noAnswer(.cannotConnect), count: 5) }
        try await read(2, state)
        try await read(3, other)
        #expect(Set(unsaved?.map(\.part) ?? []) == [zone, .database(Workbench.databaseID + 1)])
        bench.clock.advance(by: .seconds(600))
        bench.autotask.change { $0.faults["POST Services/query"] = Array(repeating: .status(401, body: "<html>Log in</html>"), count: 3) }
        try await read(3, state)
        let digest = try #require(state.connection?.credentialsDigest)
        #expect(unsaved?.contains { $0.part == .credentials(digest) && $0.cause == .outage } == true)
        // Nothing stays that nobody asks for any more.
        bench.clock.advance(by: .seconds(3600))
        #expect(unsaved == [] && unsaved == nil)
    }

    @Test func `a limit of Autotask is a barrier until its time, and another worker honours it`() async throws {
        let state = try await bench.connectedState()
        bench.autotask.fail("POST Services/query", .status(429, headers: [(name: "Retry-After", value: "120")]))
        try await read(1, state)
        let barrier = try #require(unsaved?.first)
        #expect(barrier == CallBarrier(database, .limit, since: bench.clock.now, until: bench.clock.now + .seconds(120)))
        let restarted = Workbench()
        let again = try await restarted.connectedState()
        restarted.clock.advance(by: .seconds(1))
        // Several workers may have stored a limit of the database: the last one counts.
        var shorter = barrier
        shorter.until = barrier.since + .seconds(60)
        restarted.breakers.honour([barrier, shorter], at: restarted.clock.now)
        #expect(restarted.barriers.unsaved(at: restarted.clock.now) == [barrier])
        restarted.autotask.forgetCalls()
        let session = try TenantSession(restarted.context(.sync, state: again))
        let failure = await #expect(throws: CallFailure.self) { _ = try await session.services(ServiceQuery(ids: [1], markerField: nil)) }
        #expect(failure?.cause?.kind == .heldBack(.limits) && restarted.autotask.calls.isEmpty)
        // A time that has passed limits nothing.
        restarted.clock.advance(by: .seconds(120))
        _ = try await session.services(ServiceQuery(ids: [1], markerField: nil))
        #expect(restarted.autotask.calls.count == 1)
    }

    @Test func `a used quota is a barrier from the band at which calls wait until the usage has fallen`() async throws {
        let state = try await bench.connectedState()
        bench.quotas.read(
            RequestThreshold(limit: 10_000, timeframe: .seconds(3600), used: 7600),
            of: Workbench.databaseID,
            at: bench.clock.now
        )
        try await read(1, state)
        #expect(unsaved == [CallBarrier(database, .usage, since: bench.clock.now, percent: 75)])
        try await read(1, state)
        #expect(unsaved == nil)
        bench.quotas.read(
            RequestThreshold(limit: 10_000, timeframe: .seconds(3600), used: 10),
            of: Workbench.databaseID,
            at: bench.clock.now
        )
        try await read(1, state)
        #expect(unsaved == [])
    }

    @Test func `a worker's used share is a barrier, noted once however many jobs wait`() async throws {
        let state = try await bench.connectedState()
        for _ in 0..<5000 { bench.quotas.count(for: Workbench.databaseID, at: bench.clock.now) }
        try await read(3, state)
        let share = try #require(unsaved?.first { $0.cause == .share })
        #expect(share.part == database && share.until ?? share.since >= bench.clock.now + .seconds(3600))
        try await read(3, state)
        #expect(unsaved == nil)
        bench.clock.advance(by: .seconds(7200))
        bench.barriers.saveAgain()
        #expect(unsaved?.contains { $0.cause == .share } == false)
    }

    @Test func `a part has one text, and a text that is none is refused`() {
        for part in [zone, database, .credentials([0, 9, 16, 255]), .zone(host: "127.0.0.1:8080")] {
            #expect(CallBarrier.Part(part.description) == part)
        }
        for text in ["", "zone", "database:x", "credentials:0", "credentials:xy", "tenant:a"] { #expect(CallBarrier.Part(text) == nil) }
    }

    @Test func `zones are stored before databases if there are too many`() {
        let now = bench.clock.now
        let many = (0..<500).map { CallBarrier(.database($0), .outage, since: now, until: now) }
        let stored = (many + [CallBarrier(zone, .outage, since: now + .seconds(1), until: now)]).stored
        #expect(stored.count == CallBarrier.limit && stored.first?.part == zone)
    }
}
