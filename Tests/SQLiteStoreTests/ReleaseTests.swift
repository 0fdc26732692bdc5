import Contract
import GRDB
import Glibc
import Store
import StoreConformance
import Synchronization
import Testing

@testable import SQLiteStore

/// Many events that waited for an erasure are released in pages: no transaction grows with their number.
@Suite(.timeLimit(.minutes(2)))
struct ReleaseTests {
    private let directory: TemporaryDirectory
    private let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
    }

    @Test("Several hundred events leave in order, a page at a time, and a renewal goes between two pages")
    func pages() async throws {
        let worker = try await Process(.one, path)
        let reader = try LongReader(path)
        try await worker.reset()
        try await worker.refuse(0..<400)
        worker.interrupt()
        try reader.end()
        try await worker.log.wait(for: 401)
        #expect(worker.log.positions == Array(1...401))
        #expect(worker.log.steps.allSatisfy { $0.count <= 64 }, "\(worker.log.steps.map(\.count))")
        #expect(worker.log.steps.firstIndex { $0.isEmpty } == 1, "the renewal came after \(worker.log.steps.map(\.count))")
        try await worker.refuse(400..<401)
        #expect(worker.log.held == 0)
        await worker.stop()
    }

    @Test("Events of two workers in one lane leave in the lane's order, whichever worker's process finds the log empty")
    func mixed() async throws {
        let workers = [try await Process(.one, path), try await Process(.two, path)]
        let reader = try LongReader(path)
        try await workers[0].reset()
        // Each run is longer than a page.
        for (index, start) in stride(from: 0, to: 400, by: 100).enumerated() {
            try await workers[(index + 1) % 2].refuse(start..<start + 100)
        }
        try reader.end()
        for worker in workers { try await worker.log.wait(for: worker === workers[0] ? 201 : 200) }
        #expect(workers[0].log.positions == [1] + Array(102...201) + Array(302...401))
        #expect(workers[1].log.positions == Array(2...101) + Array(202...301))
        #expect(workers.allSatisfy { $0.log.steps.allSatisfy { $0.count <= 64 } })
        for worker in workers {
            try await worker.refuse(500..<501)
            #expect(worker.log.held == 0)
            await worker.stop()
        }
    }

    @Test("A reset between two pages waits for an empty log as the first did")
    func secondReset() async throws {
        let worker = try await Process(.one, path)
        var reader = try LongReader(path)
        try await worker.reset()
        try await worker.refuse(0..<200)
        try reader.end()
        reader = try LongReader(path)
        try await worker.reset("second")
        try await worker.refuse(200..<400)
        try reader.end()
        try await worker.log.wait(for: 402)
        #expect(worker.log.positions == Array(1...402))
        await worker.stop()
    }
}

/// A worker's process, reduced to its writer.
private final class Process: Sendable {
    let worker: WorkerID
    let writer: Writer
    let log = Log()

    init(_ worker: WorkerID, _ path: String) async throws {
        self.worker = worker
        writer = try Writer(try StoreFile.open(path, mustExist: false), chain: .bench)
        writer.observeEvents { [log] in log.note($0) }
        _ = try await writer.write(.lease) { try $0.join(worker, in: nil, until: .start + .seconds(15), at: .start) }
    }

    /// Asks for a renewal when the first page leaves: on the writer's own thread, so that it waits before the next page begins.
    func interrupt() {
        writer.observeEvents { [log, writer, worker] entries in
            log.note(entries)
            guard entries.contains(where: { !$0.isHeld }), log.isFirstCall else { return }
            Task.immediate {
                _ = try await writer.write(.lease) { transaction in
                    _ = try transaction.renew(worker, until: .start + .seconds(30), at: .start)
                    log.noteRenewal()
                }
            }
            #expect(writer.leases == 1)
        }
    }

    func reset(_ id: String = "reset") async throws {
        let worker = worker
        try await writer.write { transaction in
            _ = try transaction.accept([.job(id, .one, .reset)], by: worker, at: .start) { _ in preconditionFailure() }
            let claim = try #require(try transaction.claim(ClaimRequest(worker: worker, limit: 1), at: .start) { $0.first }.claims.first)
            let completion = Completion(.finished(nil), events: [.answering(claim, .integrationReset)], changes: LaneChanges(resets: true))
            _ = try transaction.complete(claim.token, with: completion, at: .start)
        }
    }

    func refuse(_ numbers: Range<Int>) async throws {
        let (worker, items) = (worker, numbers.map { IntakeItem.refusal("\(self.worker)-\($0)") })
        _ = try await writer.write { try $0.accept(items, by: worker, at: .start) { _ in preconditionFailure() } }
    }

    func stop() async {
        writer.stop()
        await writer.waitUntilStopped()
    }
}

/// The observations of a worker: the events released, step by step, and renewals as empty steps.
private final class Log: Sendable {
    private struct State {
        var steps: [[Int64]] = []
        var held = 0
        var calls = 0
    }

    private let state = Mutex(State())

    var steps: [[Int64]] { state.withLock { $0.steps } }
    var positions: [Int64] { steps.flatMap(\.self) }
    /// Events that waited when they were stored, since the last that did not.
    var held: Int { state.withLock { $0.held } }
    /// Whether this is the first call.
    var isFirstCall: Bool {
        state.withLock { state in
            state.calls += 1
            return state.calls == 1
        }
    }

    func note(_ entries: [OutboxEntry]) {
        let gone = entries.filter { !$0.isHeld }.map(\.position)
        state.withLock { state in
            state.held = gone.isEmpty ? state.held + entries.count : 0
            if !gone.isEmpty { state.steps.append(gone) }
        }
    }

    func noteRenewal() { state.withLock { $0.steps.append([]) } }

    func wait(for count: Int) async throws { try await waitUntil("\(count) events are on their way") { self.positions.count >= count } }
}
