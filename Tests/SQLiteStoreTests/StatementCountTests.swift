import Contract
import GRDB
import Store
import StoreConformance
import Synchronization
import Testing

@testable import SQLiteStore

/// The number of statements per job. Each takes time in the transaction that every tenant waits for.
struct StatementCountTests {
    private let directory: TemporaryDirectory
    private let writer: Writer
    private let statements = Statements()

    init() async throws {
        directory = try TemporaryDirectory()
        writer = try Writer(try StoreFile.open(directory.path("store.sqlite"), mustExist: false), chain: .bench)
        _ = try await writer.write { try $0.join(.one, in: nil, until: .start + .seconds(3600), at: .start) }
        // An existing lane, as for every job except the first.
        try await accept("first")
        try await complete(try await claim(), Completion(.finished(nil), events: []), .syncSucceeded)
        let statements = statements
        try await writer.write { transaction in
            transaction.connection.database.trace { event in if case .statement(let statement) = event { statements.note(statement.sql) } }
        }
    }

    @Test("A sync of four services that changes nothing")
    func unchanged() async throws {
        let accepted = try await count { try await accept("sync") }
        let claim = try await count { try await self.claim() }
        var completion = Completion(.finished(nil), events: [])
        completion.changes.bindings = (0..<4).map {
            ServiceBinding(planID: "plan", serviceKey: "service-\($0)", autotaskServiceID: Int64($0), status: .synced, lastSyncedAt: .start)
        }
        completion.changes.ranRevision = ("plan", 1)
        completion.attempt.began = .start
        completion.keepsHistory = true
        let ended = try await count { [completion] in try await complete(claim.value, completion, .syncSucceeded) }
        let forgotten = try await count { try await writer.write { try $0.forgetPublished([2]) } }
        #expect([accepted.count, claim.count, ended.count, forgotten.count] == [10, 13, 15, 1])
        await stop()
    }

    @Test("A sync that begins in the transaction that accepts it, and each further one of a batch")
    func begun() async throws {
        for number in 0..<3 {
            try await accept("first", in: .workplace("other-\(number)"))
            try await complete(try await claim(), Completion(.finished(nil), events: []), .syncSucceeded)
        }
        let one = try await count { try await begin(in: [.workplace("other-0")]) }
        let two = try await count { try await begin(in: [.workplace("other-1"), .workplace("other-2")]) }
        #expect([one.value, two.value] == [1, 2])
        #expect([one.count, two.count - one.count] == [13, 6])
        await stop()
    }

    @Test("A deferred job, one that is held up, and one that finds no place")
    func putOff() async throws {
        var counts: [Int] = []
        let error = JobError(.timeout)
        for ending in [
            Attempt.Ending.deferred(until: .start, because: error), .deferred(until: .start, because: error, counts: false), .postponed,
        ] {
            try await accept("job-\(counts.count)")
            let claim = try await claim()
            counts.append(try await count { try await complete(claim, Completion(ending, events: []), nil) }.count)
            try await complete(try await self.claim(), Completion(.finished(nil), events: []), .syncSucceeded)
        }
        #expect(counts == [11, 8, 11])
        await stop()
    }

    @Test("The work of a worker that is gone")
    func takenOver() async throws {
        try await accept("job")
        _ = try await claim()
        let later = Timestamp.start + .seconds(7200)
        _ = try await writer.write { try $0.join(.two, in: nil, until: later, at: .start) }
        let taken = try await count { try await writer.write { try $0.renew(.two, until: later, at: .start + .seconds(3601)) } }
        #expect(taken.value.lanes == 1)
        #expect(taken.count == 20)
        await stop()
    }

    @Test("The renewal of a lease, which looks for operations over dead letters without a statement of its own")
    func renewal() async throws {
        let renewal = { try await writer.write { try $0.renew(.one, until: .start + .seconds(3600), at: .start) } }
        // The first one also reads the schema.
        _ = try await renewal()
        let idle = try await count(renewal)
        #expect(!idle.value.hasOperations)
        #expect(idle.count == 3)
        let order = LetterOperationOrder(.purge, .all, upTo: 1, matched: 1, rate: 1)
        _ = try await writer.write { try $0.begin(order, by: .tester, at: .start) }
        let busy = try await count(renewal)
        #expect(busy.value.hasOperations)
        #expect(busy.count == idle.count)
        await stop()
    }

    private func accept(_ id: String, in lane: Lane = .one) async throws {
        _ = try await writer.write {
            try $0.accept([.job(id, lane, plan: "plan", revision: 1)], by: .one, at: .start) { _ in preconditionFailure("no id conflicts") }
        }
    }

    /// Accepts a job for each lane that begins at once.
    ///
    /// - Returns: the number of claimed lanes.
    private func begin(in lanes: [Lane]) async throws -> Int {
        let claims = ArrivalClaims(request: ClaimRequest(worker: .one, limit: 9)) { $0.first }
        let rules = IntakeRules(laneLimit: 9, claims: claims, admit: { _ in Admission() }) { _ in preconditionFailure("no id conflicts") }
        return try await writer.write { transaction in
            let items = lanes.map { IntakeItem.job("sync", $0, plan: "plan", revision: 1) }
            return try transaction.accept(items, by: .one, at: .start, rules: rules).claims.count
        }
    }

    private func claim() async throws -> LaneClaim {
        let result = try await writer.write { try $0.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first } }
        return try #require(result.claims.first)
    }

    private func complete(_ claim: LaneClaim, _ completion: Completion, _ type: EventType?) async throws {
        var completion = completion
        completion.events = type.map { [.answering(claim, $0)] } ?? []
        _ = try await writer.write { [completion] in try $0.complete(claim.token, with: completion, at: .start) }
    }

    /// The result of a call, and its number of statements without those that begin and end its transaction.
    private func count<Value>(_ body: () async throws -> Value) async throws -> (value: Value, count: Int) {
        statements.forget()
        let value = try await body()
        return (value, statements.all.count { !$0.hasPrefix("BEGIN") && !$0.hasPrefix("COMMIT") })
    }

    private func stop() async {
        writer.stop()
        await writer.waitUntilStopped()
    }
}

extension Lane {
    fileprivate static func workplace(_ tenant: String) -> Lane { Lane(tenant: TenantID(tenant)!, product: .workplace) }
}

/// Executed statements, in order.
private final class Statements: Sendable {
    private let state = Mutex<[String]>([])

    var all: [String] { state.withLock { $0 } }

    func note(_ sql: String) { state.withLock { $0.append(sql) } }

    func forget() { state.withLock { $0 = [] } }
}
