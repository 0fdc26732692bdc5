import Contract
import Foundation
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// What was erased is not in the files any more: neither in free pages, nor in the log.
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

    @Test("After a reset nothing of the lane is in the files, while the store is still open")
    func reset() async throws {
        try await leaveTraces()
        #expect(try tracesFound() == traces)

        let claim = try await claim(accepting: .job("reset", .one, .reset))
        let completion = Completion(.finished, events: [.answering(claim, .integrationReset)], changes: LaneChanges(resets: true))
        _ = try await store.complete(claim.token, with: completion, at: .start)
        #expect(try tracesFound() == [])
        await store.close()
    }

    @Test("A payload is gone when its job has ended and the log was written back")
    func payload() async throws {
        let trace = "TraceOfPayload"
        let key = JobKey(id: JobID("a")!, lane: .one, digest: [1])
        let job = AcceptableJob(key: key, kind: .sync, sealedPayload: Array(trace.utf8))
        let claim = try await claim(accepting: IntakeItem(.job(job)))
        #expect(try files().contains(trace))
        _ = try await store.complete(claim.token, with: Completion(.finished, events: [.answering(claim, .syncSucceeded)]), at: .start)
        await store.close()
        #expect(try !files().contains(trace))
    }

    @Test("Purging wipes what it forgets")
    func purging() async throws {
        try await leaveLetter()
        #expect(try await store.purgeLetters(.all, by: .tester, at: .start) == 1)
        #expect(try tracesFound() == [])
        await store.close()
    }

    @Test("Pruning wipes what it erases")
    func pruning() async throws {
        try await leaveTraces()
        try await store.prune(at: .start + .seconds(31 * 86_400))
        #expect(
            try Set(tracesFound()).isDisjoint(with: ["TraceOfEvent", "TraceOfLetter", "TraceOfCause", "TraceOfRequest", "TraceOfCall"])
        )
        await store.close()
    }

    private func leaveTraces() async throws {
        // An attempt is told, and then another.
        var deferral = Completion(.deferred(until: .start), events: [])
        deferral.account = account
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
        var completion = Completion(
            .finished,
            events: [.answering(claim, .syncSucceeded, data: ["text": "TraceOfEvent"])],
            changes: LaneChanges(connection: .set(connection), bindings: [binding])
        )
        completion.account = account
        let entries = try await store.complete(claim.token, with: completion, at: .start)
        try await store.forgetPublished(entries.map(\.position))
        try await leaveLetter()
    }

    private var account: AttemptAccount {
        let call = CallRecord(at: .start, method: "GET", host: "TraceOfCall", path: "Version", answer: .status(200), duration: .zero)
        return AttemptAccount(begunAt: .start, asked: Array(#"{"name":"TraceOfRequest"}"#.utf8), calls: [call])
    }

    private func leaveLetter() async throws {
        let key = JobKey(id: JobID("b")!, lane: .one, digest: [1])
        let job = AcceptableJob(key: key, kind: .sync, sealedPayload: Array("TraceOfLetter".utf8))
        let claim = try await claim(accepting: IntakeItem(.job(job)))
        let completion = Completion(
            .finished,
            events: [.answering(claim, .syncFailed)],
            givenUp: GivenUp(.attemptsSpent, JobError(.autotaskUnavailable, "TraceOfCause"))
        )
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

    /// Everything that the store has on disk.
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
