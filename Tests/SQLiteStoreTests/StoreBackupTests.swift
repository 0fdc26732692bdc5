import Contract
import Dispatch
import Foundation
import GRDB
import Store
import StoreConformance
import Synchronization
import Testing

@testable import SQLiteStore

/// Copies of a store, and the stores restored from them.
@Suite(.timeLimit(.minutes(3)))
struct StoreBackupTests {
    private let directory: TemporaryDirectory
    private let path: String
    private let copy: String
    private let later = Timestamp.start + .seconds(3600)

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.path("store.sqlite")
        copy = directory.path("copy.sqlite")
    }

    @Test("A copy is made while the store is in use, holds all committed data, and only its owner may read it")
    func backup() async throws {
        let store = try await openedStore()
        _ = try await store.accept([.job("a"), .job("b", .two)], by: .one, at: .start) { _ in preconditionFailure() }
        let contents = try await StoreBackup.make(of: path, to: copy, at: .start)
        #expect(contents == StoreBackup.Contents(lanes: 2, unfinishedJobs: 2))
        #expect(try FileManager.default.attributesOfItem(atPath: copy)[.posixPermissions] as? Int == 0o600)
        // The store changes further, and the copy does not.
        _ = try await store.accept([.job("c")], by: .one, at: .start) { _ in preconditionFailure() }
        await store.close()
        let copied = try await SQLiteStore(path: copy, mustExist: true, auditing: .bench)
        #expect(try await copied.backlog() == 2)
        await copied.close()
    }

    @Test("A copy gives way to an event that waits for an erasure, and begins again")
    func givingWay() async throws {
        let store = try await openedStore()
        _ = try await store.accept((0..<200).map { .job("job-\($0)", .two) }, by: .one, at: .start) { _ in preconditionFailure() }
        let pause = Pause()
        let copying = LiveCopy(of: path, to: try PartialFile(copy), patience: .zero, stepSize: 4096) { isStandingStill in
            // An integration is reset after the first step of the first attempt.
            if isStandingStill { pause.step() }
        }
        let copied = Task { try await StoreThread.run { () throws(StoreError) in try copying.make() } }
        defer { pause.end.signal() }
        try await waitUntil("the copy has made a step") { pause.steps > 0 }
        _ = try await store.accept([.job("reset", .one, .reset)], by: .one, at: .start) { _ in preconditionFailure() }
        var claim: LaneClaim?
        while claim == nil {
            try Task.checkCancellation()
            claim = try await store.claim(ClaimRequest(worker: .one, limit: 9), at: .start) { $0.first }.claims.first {
                $0.token.lane == .one
            }
        }
        let token = try #require(claim)
        let completion = Completion(.finished(nil), events: [.answering(token, .integrationReset)], changes: LaneChanges(resets: true))
        _ = try await store.complete(token.token, with: completion, at: .start)
        #expect(store.erasureDelay != nil)
        pause.end.signal()
        #expect(try await copied.value == StoreBackup.Contents(lanes: 2, unfinishedJobs: 200))
        #expect(store.erasureDelay == nil)
        let file = try StoreFile.readOnly(copy)
        #expect(try await file.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
        await store.close()
    }

    @Test("A copy does not disturb the workers that run on the store")
    func sparing() async throws {
        #expect(!StoreBackup.isInUse(path, at: .start))
        let store = try await openedStore()
        #expect(StoreBackup.isInUse(path, at: .start))
        // Its lease is over, and others would take it for dead.
        #expect(!StoreBackup.isInUse(path, at: later))
        try await store.abandon()
        #expect(!StoreBackup.isInUse(path, at: .start + .seconds(1)))
        _ = try await StoreBackup.make(of: path, to: copy, at: later)
        #expect(!StoreBackup.isInUse(copy, at: .start + .seconds(1)))
    }

    @Test("A copy is marked as one until it is restored, and has the store's id and ring")
    func copiesAreMarked() async throws {
        let store = try await openedStore()
        try await store.pair(with: "ring-1", by: .systemUser(7), at: .start)
        let own = try await store.identity()
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        await store.close()
        #expect(try await StoreIdentity.look(at: path) == own)
        #expect(try await StoreIdentity.look(at: copy) == StoreIdentity(store: own.store, ring: "ring-1", isCopy: true))
        #expect(try await StoreBackup.contents(of: copy) == StoreBackup.contents(of: path))
        let place = directory.path("restored.sqlite")
        _ = try await StoreBackup.restore(copy, to: place, auditing: .bench, by: .systemUser(7), at: later)
        let restored = try #require(try await StoreIdentity.look(at: place))
        #expect(restored == StoreIdentity(store: own.store, ring: "ring-1", isCopy: false, file: restored.file))
        // The copy's file stays a copy, and the restored one is the store.
        #expect(try restored.file != nil && !restored.isElsewhere(than: place) && restored.isElsewhere(than: copy))
    }

    @Test("A store recognises the file that a worker ran on, and a plain copy of it as another")
    func plainCopies() async throws {
        let store = try await openedStore()
        try await store.rememberFile()
        try await store.rememberFile()
        await store.close()
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        let own = try #require(try await StoreIdentity.look(at: path))
        #expect(try await StoreIdentity.look(at: copy) == own)
        #expect(try !own.isElsewhere(than: path) && own.isElsewhere(than: copy))
    }

    @Test("A damaged store is not copied, and no file stays behind")
    func damaged() async throws {
        let store = try await openedStore()
        _ = try await store.accept((0..<200).map { .job("job-\($0)") }, by: .one, at: .start) { _ in preconditionFailure() }
        await store.close()
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        let size = try file.seekToEnd()
        try file.seek(toOffset: size / 2)
        try file.write(contentsOf: Data(repeating: 0xEE, count: 20_000))
        try file.close()
        await expectRefused(.corrupt, "damaged") { _ = try await StoreBackup.make(of: path, to: copy, at: .start) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path).allSatisfy { !$0.hasPrefix("copy") })
    }

    @Test("A restored store reuses no sequence for another event, for known and forgotten tenants")
    func epochs() async throws {
        let store = try await openedStore()
        _ = try await published("a", .one, by: store)
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        let known = try await published("b", .one, by: store)
        let forgotten = try await published("c", .two, by: store)
        #expect(known.epoch == 1 && known.sequence == 2 && forgotten.epoch == 1 && forgotten.sequence == 1)
        try await store.abandon()

        // The same copy is restored twice: the numbers used in between must not be used again either.
        var epochs: [Int64] = [1]
        for moment in [later, later + .seconds(60)] {
            _ = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: moment)
            let restored = try await openedStore(at: moment)
            for (id, lane) in [("b", Lane.one), ("c", .two)] {
                let event = try await published(id, lane, by: restored, at: moment)
                #expect(event.sequence == 1)
                if lane == .one { epochs.append(event.epoch) } else { #expect(event.epoch == epochs.last) }
            }
            try await restored.abandon(at: moment)
        }
        #expect(epochs == epochs.sorted() && Set(epochs).count == 3)
    }

    @Test("Unfinished jobs of a restored store are marked, except resets, and are due at once")
    func unfinished() async throws {
        let store = try await openedStore()
        _ = try await store.accept(
            [.job("sync"), .job("reset", .one, .reset), .job("later", .two)],
            by: .one,
            at: .start
        ) { _ in preconditionFailure() }
        let claims = try await store.claim(ClaimRequest(worker: .one, limit: 9), at: .start) { $0.first }.claims
        let claim = try #require(claims.first { $0.token.lane == .two })
        let day = Timestamp.start + .seconds(86_400)
        let event = Event(id: "e", type: .jobDeferred, lane: .two, jobID: claim.job.id, time: .start, traceparent: nil, data: [:])
        _ = try await store.complete(claim.token, with: Completion(.deferred(until: day), events: [event]), at: .start)
        // The other one runs.
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        try await store.abandon()

        let outcome = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later)
        #expect(outcome.contents.unfinishedJobs == 3)
        let restored = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        _ = try await restored.join(.two, until: later + .seconds(15), at: later)
        let seen = Seen()
        _ = try await restored.claim(ClaimRequest(worker: .two, limit: 9), at: later) { snapshot in
            seen.note(snapshot)
            return LaneDecision(next: .wait(until: nil))
        }
        #expect(seen.marks == ["later": true, "reset": false, "sync": true])
        #expect(try await restored.lane(.one)?.state.unsettledSince == later)
        await restored.close()
    }

    @Test("A scheduled check that a copy holds as running can be dropped, and the next worker to join takes it over")
    func runningCheck() async throws {
        let store = try await openedStore()
        _ = try await store.accept([.job("connect", .one, .connect)], by: .one, at: .start) { _ in preconditionFailure() }
        let connect = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
        let connection = ConnectionRecord(
            status: .connected,
            zone: Zone(name: "Zone", apiURL: "https://zone/", webURL: "https://zone/"),
            databaseID: 5,
            username: "ap…@msp.example",
            wrappedKey: [7, 7],
            sealedCredentials: [8],
            credentialsDigest: [9],
            capabilities: Capabilities(canQueryServices: true, canCreateServices: true, canUpdateServices: true, costVisible: nil),
            serviceFields: [1],
            establishedAt: .start
        )
        let end = Completion(
            .finished(nil),
            events: [.answering(connect, .connectionEstablished)],
            changes: LaneChanges(connection: .set(connection))
        )
        _ = try await store.complete(connect.token, with: end, at: .start)
        let round = CheckRound(checks: [.init(.verify, every: .seconds(100))], limit: 9) { 0 }
        #expect(try await store.enterChecks(round, at: .start) == 1)
        #expect(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.count == 1)
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        try await store.abandon()

        let outcome = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later)
        #expect(outcome.contents.unfinishedJobs == 0)
        let restored = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        _ = try await restored.join(.two, until: later + .seconds(15), at: later)
        let check = try #require(try await restored.lane(.one)?.unfinished.first)
        #expect(check.isScheduled && check.isFromBackup)
        await restored.close()
    }

    @Test("No job of a restored store is redriven: a newer one may have been requested since the copy was made")
    func letters() async throws {
        let store = try await openedStore()
        _ = try await store.accept([.job("a")], by: .one, at: .start) { _ in preconditionFailure() }
        let claim = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first }.claims.first)
        let end = Completion(.givenUp(GivenUp(.attemptsSpent, JobError(.timeout))), events: [.answering(claim, .syncFailed)])
        _ = try await store.complete(claim.token, with: end, at: .start)
        #expect(try await store.letters(.all, after: 0, limit: 9).map(\.obstacle) == [nil])
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        try await store.abandon()
        _ = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later)
        let restored = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        let kept = try await restored.letters(.all, after: 0, limit: 9)
        #expect(kept.map(\.letter.jobID) == [JobID("a")] && kept.map(\.obstacle) == [.erased])
        await restored.close()
    }

    @Test("An operation that had not ended when the copy was made does not go on in the restored store")
    func operations() async throws {
        let store = try await openedStore()
        let order = LetterOperationOrder(.purge, .all, upTo: 9, matched: 9, rate: 1)
        for _ in 1...2 { _ = try await store.begin(order, by: .tester, at: .start) }
        let ended = try #require(try await store.cancelOperation(1, by: .tester, at: .start))
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        try await store.abandon()
        _ = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later)
        let restored = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        #expect(try await restored.openOperations().isEmpty)
        let operations = try await restored.operations(before: .max, limit: 9)
        #expect(operations.map(\.state) == [.cancelled, .cancelled] && operations[0].endedAt == later && operations[1] == ended)
        #expect(try await restored.begin(order, by: .tester, at: later)?.id == 3)
        await restored.close()
    }

    @Test("An event that waited when the copy was made is published by the next worker to join")
    func outbox() async throws {
        let store = try await openedStore()
        let event = try await published("a", .one, by: store)
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        try await store.abandon()
        _ = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later)
        let restored = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        let takeover = try await restored.join(.two, until: later + .seconds(15), at: later)
        #expect(takeover.events == 1)
        #expect(try await restored.unpublished(of: .two, after: 0, limit: 9).map(\.event) == [event])
        await restored.close()
    }

    @Test("The replaced store is kept, with its log")
    func replaced() async throws {
        let store = try await openedStore()
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        _ = try await published("a", .one, by: store)
        try await store.abandon()
        let replaced = try #require(try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later).replaced)
        let old = try await SQLiteStore(path: replaced, mustExist: true, auditing: .bench)
        #expect(try await old.lane(.one)?.finished.count == 1)
        await old.close()
        let new = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        #expect(try await new.lanes().isEmpty)
        await new.close()
    }

    @Test("A store on which a worker runs is not replaced")
    func inUse() async throws {
        let store = try await openedStore()
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        await expectRefused(.unavailable, "stop every worker") {
            _ = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: .start)
        }
        await store.close()
    }

    @Test("A damaged store is replaced")
    func overDamaged() async throws {
        let store = try await openedStore()
        _ = try await published("a", .one, by: store)
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        try await store.abandon()
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.seek(toOffset: 100)
        try file.write(contentsOf: Data(repeating: 0xEE, count: 8092))
        try file.close()
        try await StoreBackup.checkPlace(path)
        _ = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later)
        let restored = try await SQLiteStore(path: path, mustExist: true, auditing: .bench)
        #expect(try await restored.lane(.one)?.finished.count == 1)
        await restored.close()
    }

    @Test("A file that is not a store is neither replaced nor changed")
    func overForeign() async throws {
        try await openedStore().abandon()
        _ = try await StoreBackup.make(of: path, to: copy, at: later)
        let text = directory.path("keys.json")
        try Data("{}".utf8).write(to: URL(filePath: text))
        let empty = directory.path("empty.sqlite")
        try Data().write(to: URL(filePath: empty))
        let other = directory.path("other.sqlite")
        let queue = try DatabaseQueue(path: other)
        try await queue.write { try $0.execute(sql: "CREATE TABLE invoices (id INTEGER PRIMARY KEY)") }
        try queue.close()
        for place in [text, empty, other, directory.url.path] {
            let before = try? Data(contentsOf: URL(filePath: place))
            await expectRefused(.unavailable, "no") { try await StoreBackup.checkPlace(place) }
            await expectRefused(.unavailable, "no") {
                _ = try await StoreBackup.restore(copy, to: place, auditing: .bench, by: .tester, at: later)
            }
            #expect((try? Data(contentsOf: URL(filePath: place))) == before)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path).allSatisfy { !$0.contains(".replaced-") })
    }

    @Test("The log of a lost store does not become part of the restored one")
    func lostStore() async throws {
        let store = try await openedStore()
        _ = try await StoreBackup.make(of: path, to: copy, at: .start)
        _ = try await store.accept((0..<200).map { .job("job-\($0)", .two) }, by: .one, at: .start) { _ in preconditionFailure() }
        let log = try Data(contentsOf: URL(filePath: path + "-wal"))
        try await store.abandon()
        try FileManager.default.removeItem(atPath: path)
        try log.write(to: URL(filePath: path + "-wal"))
        let outcome = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later)
        let replaced = try #require(outcome.replaced)
        #expect(FileManager.default.fileExists(atPath: replaced + "-wal"))
        let file = try StoreFile.readOnly(path)
        #expect(try await file.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
    }

    @Test("A plain copy leaves nothing beside the store")
    func nothingBeside() async throws {
        try await openedStore().abandon()
        let before = try FileManager.default.contentsOfDirectory(atPath: directory.url.path)
        _ = try await StoreBackup.make(of: path, to: copy, at: later)
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: directory.url.path)) == Set(before + ["copy.sqlite"]))
    }

    @Test("A file that is not a store is not copied")
    func ofForeign() async throws {
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "CREATE TABLE invoices (id INTEGER PRIMARY KEY)") }
        try queue.close()
        await expectRefused(.corrupt, "another program") { _ = try await StoreBackup.make(of: path, to: copy, at: .start) }
        try Data().write(to: URL(filePath: path))
        await expectRefused(.unavailable, "is empty") { _ = try await StoreBackup.make(of: path, to: copy, at: .start) }
        #expect(!FileManager.default.fileExists(atPath: copy))
    }

    @Test("A file that is not a copy of a store is refused, and the store stays")
    func noCopy() async throws {
        try await openedStore().abandon()
        let before = try Data(contentsOf: URL(filePath: path))
        try Data(repeating: 0xEE, count: 8192).write(to: URL(filePath: copy))
        await expectRefused(.corrupt, "not a store") {
            _ = try await StoreBackup.restore(copy, to: path, auditing: .bench, by: .tester, at: later)
        }
        await expectRefused(.unavailable, "no file /nowhere") {
            _ = try await StoreBackup.restore("/nowhere", to: path, auditing: .bench, by: .tester, at: later)
        }
        let other = directory.path("other.sqlite")
        let queue = try DatabaseQueue(path: other)
        try await queue.write { try $0.execute(sql: "CREATE TABLE invoices (id INTEGER PRIMARY KEY)") }
        try queue.close()
        await expectRefused(.corrupt, "another program") {
            _ = try await StoreBackup.restore(other, to: path, auditing: .bench, by: .tester, at: later)
        }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }

    // MARK: -

    private func openedStore(at now: Timestamp = .start) async throws -> SQLiteStore { try await .joined(path, at: now) }

    /// Takes in a job and ends it.
    private func published(_ id: String, _ lane: Lane, by store: SQLiteStore, at now: Timestamp = .start) async throws -> OrderedEvent {
        _ = try await store.accept([.job(id, lane)], by: .one, at: now) { _ in preconditionFailure() }
        let claim = try #require(try await store.claim(ClaimRequest(worker: .one, limit: 1), at: now) { $0.first }.claims.first)
        let completion = Completion(.finished(nil), events: [.answering(claim, .syncSucceeded)])
        return try #require(try await store.complete(claim.token, with: completion, at: now).first?.event)
    }
}

/// The jobs about which the lanes asked for decisions.
private final class Seen: @unchecked Sendable {
    private(set) var marks: [String: Bool] = [:]

    func note(_ snapshot: LaneSnapshot) { for job in snapshot.jobs { marks[job.id.description] = job.isFromBackup } }
}

/// Stops a copy after its first step.
private final class Pause: Sendable {
    let end = DispatchSemaphore(value: 0)
    private let count = Mutex(0)

    var steps: Int { count.withLock { $0 } }

    func step() {
        let isFirst = count.withLock { count in
            count += 1
            return count == 1
        }
        if isFirst { end.wait() }
    }
}
