import Contract
import Foundation
import GRDB
import Store
import StoreConformance
import Synchronization
import Testing

@testable import SQLiteStore

/// Erased data is no longer in the files: neither in free pages, nor in the log.
@Suite(.timeLimit(.minutes(2)))
struct ErasureTests {
    private let directory: TemporaryDirectory
    private let store: SQLiteStore
    private let traces = [
        "TraceOfUser", "TraceOfZone", "TraceOfService", "TraceOfEvent", "TraceOfWrappedKey", "TraceOfCredentials",
        "TraceOfLetter", "TraceOfCause", "TraceOfRequest", "TraceOfCall",
    ]

    init() async throws {
        directory = try TemporaryDirectory()
        store = try await SQLiteStore(path: directory.path("store.sqlite"), auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
    }

    @Test("When the event of a reset may be published, the files hold nothing of the lane, while the store is still open")
    func reset() async throws {
        try await leaveTraces()
        #expect(try tracesFound() == traces)
        let events = Events(store)
        try await resetLane()
        let event = try await events.first { $0.event.event.type == .integrationReset && !$0.isHeld }
        #expect(try tracesFound() == [])
        #expect(try await store.unpublished(of: .one, after: 0, limit: 9).last == event)
        await store.close()
    }

    @Test("While a reader is active, the reset's event waits with the later ones of its lane; renewals and other lanes do not")
    func longReader() async throws {
        try await leaveTraces()
        let events = Events(store)
        let reader = try LongReader(directory.path("store.sqlite"))
        let held = try await resetLane()
        #expect(held.map(\.isHeld) == [true])
        _ = try await store.renew(.one, until: .start + .seconds(15), at: .start)
        let after = try await ended("after", .one)
        let other = try await ended("other", .two)
        #expect(after.isHeld && !other.isHeld)
        #expect(store.erasureDelay != nil)
        #expect(await !store.finishErasing(within: .zero))
        #expect(try tracesFound() != [])
        // Writers are not held up: the log is as long as necessary.
        #expect(
            try await store.unpublished(of: .one, after: 0, limit: 99).filter(\.isHeld).map(\.position) == [
                held[0].position, after.position,
            ]
        )

        try reader.end()
        let released = [
            try await events.first { $0.position == held[0].position && !$0.isHeld },
            try await events.first { $0.position == after.position && !$0.isHeld },
        ]
        #expect(released.map(\.event) == [held[0].event, after.event])
        #expect(try tracesFound() == [])
        #expect(store.erasureDelay == nil)
        #expect(try await !ended("later", .one).isHeld)
        await store.close()
    }

    @Test("The copy of an event that waits for an erasure stays, and answers each message that comes until then")
    func heldCopy() async throws {
        try await leaveTraces()
        let events = Events(store)
        let reader = try LongReader(directory.path("store.sqlite"))
        let held = try await resetLane()
        func again() async throws -> [OutboxEntry] {
            try await store.accept([.job("reset", .one, .reset)], by: .one, at: .start) { _ in preconditionFailure() }.events
        }
        let copy = try #require(try await again().first)
        #expect(copy.isHeld && held[0].isHeld)
        #expect(try await again().isEmpty)
        let after = try await ended("after", .one)
        #expect(try await again().isEmpty)
        try reader.end()
        for position in [held[0].position, copy.position, after.position] {
            _ = try await events.first { $0.position == position && !$0.isHeld }
        }
        // It may be with the broker now.
        #expect(try await again().count == 1)
        await store.close()
    }

    @Test("An event that waits for an erasure outlives its worker: another releases it, once the erased data is gone")
    func takenOver() async throws {
        try await leaveTraces()
        let reader = try LongReader(directory.path("store.sqlite"))
        let held = try await resetLane()
        let other = try await SQLiteStore(path: directory.path("store.sqlite"), auditing: .bench)
        let events = Events(other)
        let late = Timestamp.start + .seconds(60)
        #expect(try await other.join(.two, until: late + .seconds(15), at: late).events == 1)
        #expect(try await other.unpublished(of: .two, after: 0, limit: 9).map(\.isHeld) == [true])
        try reader.end()
        #expect(try await events.first { !$0.isHeld }.event == held[0].event)
        #expect(try tracesFound() == [])
        await other.close()
        await store.close()
    }

    @Test("Events of a lane wait for the reset's even if another worker stores them")
    func ofAnotherWorker() async throws {
        let reader = try LongReader(directory.path("store.sqlite"))
        let mine = Events(store)
        let held = try await resetLane()
        let other = try await SQLiteStore(path: directory.path("store.sqlite"), auditing: .bench)
        _ = try await other.join(.two, until: .start + .seconds(15), at: .start)
        let events = Events(other)
        let after = try await ended("after", .one, by: .two, on: other)
        #expect(after.isHeld)
        try reader.end()
        #expect(try await mine.first { !$0.isHeld }.event == held[0].event)
        #expect(try await events.first { !$0.isHeld }.event == after.event)
        await other.close()
        await store.close()
    }

    @discardableResult
    private func resetLane() async throws -> [OutboxEntry] {
        let claim = try await claim(accepting: .job("reset", .one, .reset))
        let completion = Completion(.finished(nil), events: [.answering(claim, .integrationReset)], changes: LaneChanges(resets: true))
        return try await store.complete(claim.token, with: completion, at: .start)
    }

    /// Takes in a job and ends it.
    private func ended(_ id: String, _ lane: Lane, by worker: WorkerID = .one, on other: SQLiteStore? = nil) async throws -> OutboxEntry {
        let store = other ?? store
        _ = try await store.accept([.job(id, lane)], by: worker, at: .start) { _ in preconditionFailure() }
        let claim = try #require(try await store.claim(ClaimRequest(worker: worker, limit: 1), at: .start) { $0.first }.claims.first)
        let completion = Completion(.finished(nil), events: [.answering(claim, .syncSucceeded)])
        return try #require(try await store.complete(claim.token, with: completion, at: .start).first)
    }

    @Test("A command that erased nothing leaves the log to the running worker")
    func command() async throws {
        try await leaveTraces()
        let before = try logSize()
        let command = try await SQLiteStore(path: directory.path("store.sqlite"), mustExist: true, migrating: false, auditing: .bench)
        #expect(try await command.lanes().count == 1)
        await command.close()
        #expect(try before > 0 && logSize() == before)
        await store.close()
    }

    @Test("A command that erased something empties the log before it ends")
    func erasingCommand() async throws {
        try await leaveLetter()
        let command = try await SQLiteStore(path: directory.path("store.sqlite"), mustExist: true, migrating: false, auditing: .bench)
        #expect(try await command.purgeLetters(.all, by: .tester, at: .start) == 1)
        await command.close()
        #expect(try logSize() == 0 && tracesFound().isEmpty)
        await store.close()
    }

    private func logSize() throws -> Int {
        try Data(contentsOf: URL(filePath: directory.path("store.sqlite-wal"))).count
    }

    @Test("A payload is gone once its job has ended and the log was written back")
    func payload() async throws {
        let trace = "TraceOfPayload"
        let key = JobKey(id: JobID("a")!, lane: .one, digest: [1])
        let job = AcceptableJob(key: key, kind: .sync, sealedPayload: Array(trace.utf8))
        let claim = try await claim(accepting: IntakeItem(.job(job)))
        #expect(try files().contains(trace))
        _ = try await store.complete(claim.token, with: Completion(.finished(nil), events: [.answering(claim, .syncSucceeded)]), at: .start)
        await store.close()
        #expect(try !files().contains(trace))
    }

    @Test("Purging wipes the forgotten data")
    func purging() async throws {
        try await leaveLetter()
        #expect(try await store.purgeLetters(.all, by: .tester, at: .start) == 1)
        #expect(await store.finishErasing(within: .seconds(60)))
        #expect(try tracesFound() == [])
        await store.close()
    }

    @Test("Pruning wipes the erased data")
    func pruning() async throws {
        try await leaveTraces()
        try await store.prune(at: .start + .seconds(31 * 86_400))
        #expect(await store.finishErasing(within: .seconds(60)))
        #expect(
            try Set(tracesFound()).isDisjoint(with: ["TraceOfEvent", "TraceOfLetter", "TraceOfCause", "TraceOfRequest", "TraceOfCall"])
        )
        await store.close()
    }

    private func leaveTraces() async throws {
        // One attempt is recorded, and then another.
        let deferral = completion(.deferred(until: .start), [])
        _ = try await store.complete(try await self.claim(accepting: .job("a")).token, with: deferral, at: .start)
        let claim = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
        let connection = ConnectionRecord(
            status: .connected,
            zone: Zone(name: "Zone", apiURL: "https://TraceOfZone/", webURL: "https://TraceOfZone/"),
            databaseID: 5,
            username: "TraceOfUser",
            wrappedKey: Array("TraceOfWrappedKey".utf8),
            sealedCredentials: Array("TraceOfCredentials".utf8),
            credentialsDigest: [1],
            capabilities: Capabilities(canQueryServices: true, canCreateServices: true, canUpdateServices: true, costVisible: nil),
            serviceFields: [UInt8](repeating: 7, count: 9000),
            establishedAt: .start
        )
        let binding = ServiceBinding(planID: "plan", serviceKey: "TraceOfService", autotaskServiceID: 1, status: .synced)
        let completion = completion(
            .finished(nil),
            [.answering(claim, .syncSucceeded, data: ["text": "TraceOfEvent"])],
            LaneChanges(connection: .set(connection), bindings: [binding])
        )
        let entries = try await store.complete(claim.token, with: completion, at: .start)
        try await store.forgetPublished(entries.map(\.position))
        try await leaveLetter()
    }

    /// A completion with a history.
    private func completion(_ ending: Attempt.Ending, _ events: [Event], _ changes: LaneChanges = LaneChanges()) -> Completion {
        let call = CallRecord(at: .start, method: "GET", host: "TraceOfCall", path: "Version", answer: .status(200), duration: .zero)
        return Completion(
            Attempt(began: .start, ended: .start, ending, calls: [call]),
            events: events,
            changes: changes,
            asked: Array(#"{"name":"TraceOfRequest"}"#.utf8),
            keepsHistory: true
        )
    }

    private func leaveLetter() async throws {
        let key = JobKey(id: JobID("b")!, lane: .one, digest: [1])
        let job = AcceptableJob(key: key, kind: .sync, sealedPayload: Array("TraceOfLetter".utf8))
        let claim = try await claim(accepting: IntakeItem(.job(job)))
        let cause = GivenUp(.attemptsSpent, JobError(.autotaskUnavailable, "TraceOfCause"))
        let completion = Completion(.givenUp(cause), events: [.answering(claim, .syncFailed)])
        let entries = try await store.complete(claim.token, with: completion, at: .start)
        try await store.forgetPublished(entries.map(\.position))
    }

    private func claim(accepting item: IntakeItem) async throws -> LaneClaim {
        _ = try await store.accept([item], by: .one, at: .start) { _ in preconditionFailure("there is no conflict") }
        return try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
    }

    private func tracesFound() throws -> [String] {
        let files = try files()
        return traces.filter(files.contains)
    }

    /// All files of the store.
    private func files() throws -> Bytes {
        var all = Data()
        for name in ["store.sqlite", "store.sqlite-wal"] {
            all.append((try? Data(contentsOf: URL(filePath: directory.path(name)))) ?? Data())
        }
        return Bytes(all: all)
    }

    private struct Bytes {
        let all: Data
        func contains(_ text: String) -> Bool { all.range(of: Data(text.utf8)) != nil }
    }
}

/// A reader that keeps a store open for long.
struct LongReader {
    private let queue: DatabaseQueue

    init(_ path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.inDatabase { database in
            try database.beginTransaction(.deferred)
            _ = try Int64.fetchOne(database, sql: "SELECT COUNT(*) FROM lanes")
        }
    }

    func end() throws {
        try queue.inDatabase { try $0.commit() }
        try queue.close()
    }
}

/// The events that a store's observer receives.
private final class Events: Sendable {
    private struct State {
        var seen: [OutboxEntry] = []
        /// Waits for an event beyond those that it has looked at.
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    init(_ store: SQLiteStore) {
        store.observeEvents { [weak self] entries in
            self?.state.withLock { state in
                state.seen += entries
                defer { state.waiter = nil }
                return state.waiter
            }?.resume()
        }
    }

    /// Waits for an event. The suite's time limit ends the wait, and the test says so.
    func first(_ condition: (OutboxEntry) -> Bool) async throws -> OutboxEntry {
        var looked = 0
        while true {
            let seen = state.withLock { $0.seen }
            if let entry = seen[looked...].first(where: condition) { return entry }
            looked = seen.count
            let count = looked
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isStale = state.withLock { state in
                        guard state.seen.count == count, !Task.isCancelled else { return true }
                        state.waiter = continuation
                        return false
                    }
                    if isStale { continuation.resume() }
                }
            } onCancel: {
                state.withLock { state in
                    defer { state.waiter = nil }
                    return state.waiter
                }?.resume()
            }
            guard !Task.isCancelled else {
                Issue.record("The test waited in vain for an event after \(seen.count) others.")
                throw CancellationError()
            }
        }
    }
}
