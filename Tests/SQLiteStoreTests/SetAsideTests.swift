import Contract
import GRDB
import Store
import StoreConformance
import Synchronization
import Testing

@testable import SQLiteStore

/// An unreadable event holds back the later events of its lane, and nothing else.
@Suite(.timeLimit(.minutes(1)))
struct SetAsideTests {
    private let directory: TemporaryDirectory
    private let store: SQLiteStore

    init() async throws {
        directory = try TemporaryDirectory()
        store = try await SQLiteStore(path: directory.path("store.sqlite"), auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
    }

    @Test("An unreadable event is set aside each time it is found, even in the process that knows it")
    func again() async throws {
        try await refuse(3)
        try await damage(position: 1)
        for _ in 0..<2 {
            let entries = try await store.unpublished(of: .one, after: 0, limit: 9)
            #expect(entries.map(\.position) == [2, 3] && entries.map(\.isHeld) == [true, true])
            #expect(store.setAside.count == 1)
            // A worker that joins gives the lane another try, and the event is unchanged.
            _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
        }
        await store.close()
    }

    @Test("An unreadable event whose lane is missing does not prevent reading to the end")
    func withoutLane() async throws {
        try await refuse(600)
        try await store.write { try $0.connection.run("UPDATE outbox SET data = x'00', tenant = 'gone' WHERE position < 550") }
        #expect(try await store.unpublished(of: .one, after: 0, limit: 900).map(\.position) == Array(550...600))
        #expect(store.setAside.count == 549)
        await store.close()
    }

    @Test("Long events are read a few at a time, and all of them in the end")
    func long() async throws {
        try await refuse(100)
        try await store.write { transaction in
            for (size, position) in [(1 << 20, Int64?.none), (32 << 20, 50)] {
                let data = Array("{\"jobId\":\"".utf8) + [UInt8](repeating: 120, count: size) + Array("\"}".utf8)
                try transaction.connection.run(
                    "UPDATE outbox SET data = ? WHERE position > 2 AND ?2 IS NULL OR position = ?2",
                    data,
                    position
                )
            }
        }
        var (read, last) = ([Int64](), Int64(0))
        while true {
            let page = try await store.unpublished(of: .one, after: last, limit: 4096).map(\.position)
            guard let end = page.last else { break }
            #expect(page.count <= 25)
            read += page
            last = end
        }
        #expect(read == Array(1...100))
        await store.close()
    }

    @Test("A late job is compared with readable jobs, whatever else its lane holds")
    func late() async throws {
        func item(_ id: String, at seconds: Int, isLate: Bool = false) -> IntakeItem {
            let key = JobKey(id: JobID(id)!, lane: .one, digest: [1])
            let requestedAt = Timestamp.start + .seconds(seconds)
            let job = AcceptableJob(key: key, kind: .sync, planID: "p", requestedAt: requestedAt, sealedPayload: [1])
            return IntakeItem(.job(job), overtakersAfter: isLate ? 0 : nil)
        }
        let overtakers = Mutex<[String]>([])
        let rules = IntakeRules(laneLimit: 100) { arrival in
            overtakers.withLock { $0 = arrival.overtakers.map(\.id.description) }
            return Admission()
        } conflict: { _ in
            preconditionFailure()
        }
        for (number, id) in ["kind", "data", "whole"].enumerated() {
            _ = try await store.accept([item(id, at: 20 + number)], by: .one, at: .start, rules: rules)
        }
        try await store.write { transaction in
            let connection = transaction.connection
            try connection.run(
                "UPDATE jobs SET finished_at = 1, event_type = 'sync.succeeded', plan = NULL, data = x'00' WHERE job_id = 'data'"
            )
            try connection.run("UPDATE jobs SET deferred_code = 'x', deferred_for = 1 WHERE job_id = 'kind'")
        }
        _ = try await store.accept([item("late", at: 10, isLate: true)], by: .one, at: .start, rules: rules)
        #expect(overtakers.withLock { $0 } == ["whole"])
        await store.close()
    }

    @Test("Attempts that are no JSON hold up neither their job nor a takeover", arguments: ["garbage,", #"{"end":1"#, "[[["])
    func attempts(_ text: String) async throws {
        let job = AcceptableJob(key: JobKey(id: JobID("a")!, lane: .one, digest: [1]), kind: .sync, planID: "p", sealedPayload: [1])
        let rules = IntakeRules(laneLimit: 100, admit: { _ in Admission() }, conflict: { _ in preconditionFailure() })
        _ = try await store.accept([IntakeItem(.job(job))], by: .one, at: .start, rules: rules)
        let request = ClaimRequest(worker: .one, limit: 1)
        func claim() async throws -> LaneClaim {
            let result = try await store.claim(request, at: .start) { snapshot in
                LaneDecision(next: .run(order: snapshot.jobs[0].order, .work))
            }
            return try #require(result.claims.first)
        }
        func damage() async throws { try await store.write { try $0.connection.run("UPDATE jobs SET account = ?", text) } }
        let first = try await claim()
        try await damage()
        let deferred = Attempt(began: .start, ended: .start, .deferred(until: .start))
        _ = try await store.complete(first.token, with: Completion(deferred, events: [], keepsHistory: true), at: .start)
        #expect(try await store.jobs(named: JobID("a")!, of: nil).map(\.made) == [[deferred]])
        _ = try await claim()
        try await damage()
        try await store.leave(.one, at: .start)
        #expect(try await store.jobs(named: JobID("a")!, of: nil).map(\.made) == [[Attempt(ended: .start, .interrupted(.one))]])
        await store.close()
    }

    @Test("A damaged integration keeps no other's dead letters from being redriven in the background")
    func redrives() async throws {
        let lanes = [Lane.one, .two]
        let letters = lanes.map { lane in
            let message = DeadMessage(
                sha256: [7],
                size: 2,
                queue: "autotask.jobs",
                routingKey: "",
                job: UndeliveredJob(publishedAt: .start),
                death: "\(lane)"
            )
            let cause = FailureCause(reason: "delivery_limit", kind: .sync)
            return DeadLetter(
                at: .start,
                cause: cause,
                detail: "x",
                tenant: lane.tenant,
                product: lane.product,
                jobID: JobID("a"),
                content: .message(message)
            )
        }
        _ = try await store.record(letters.map { CollectedLetter($0, sealedPayload: [1]) })
        try await store.write {
            try $0.connection.run("INSERT INTO lanes (tenant, product, epoch, next_sequence) VALUES ('msp-1', 'workplace', -1, 1)")
        }
        let order = LetterOperationOrder(.redrive, .all, upTo: 2, matched: 2, rate: 9)
        let operation = try #require(try await store.begin(order, by: .tester, at: .start))
        let copies = lanes.enumerated().map { index, lane -> (Int64, Result<AcceptableJob, KeptLetter.Obstacle>) in
            let job = AcceptableJob(key: JobKey(id: JobID("a")!, lane: lane, digest: [1]), kind: .sync, sealedPayload: [1])
            return (Int64(index + 1), .success(job))
        }
        let step = LetterStep(of: operation, letters: [1, 2], .redrive(copies))
        let ended = try #require(try await store.take(step, by: .one, at: .start))
        #expect(ended.state == .ended && ended.tally.done == 1)
        #expect(ended.tally.failures == ["integration_unreadable": 1])
        await store.close()
    }

    @Test("An operation that cannot be read is reported, and a damaged count is replaced by the nearest possible one")
    func operation() async throws {
        let order = LetterOperationOrder(.purge, .all, upTo: 2, matched: 2, rate: 9)
        let id = try #require(try await store.begin(order, by: .tester, at: .start)).id
        let failures = #"{"connect": 9223372036854775807, "a": 1, "b": -1}"#
        try await store.write { try $0.connection.run("UPDATE operations SET failures = ?", failures) }
        #expect(try await store.operation(id)?.tally.total == Int(Int32.max) + 1)
        try await store.write { try $0.connection.run("UPDATE operations SET failures = '[]'") }
        #expect(try await store.openOperations().isEmpty && store.setAside.count == 1)
        let error = await #expect(throws: StoreError.self) { try await store.cancelOperation(id, by: .tester, at: .start) }
        #expect(error?.code == .corrupt && error?.message.contains("The operation \(id)") == true, "\(String(describing: error))")
        await store.close()
    }

    private func refuse(_ count: Int) async throws {
        _ = try await store.accept((0..<count).map { .refusal("job-\($0)") }, by: .one, at: .start) { _ in preconditionFailure() }
    }

    private func damage(position: Int64) async throws {
        try await store.write { try $0.connection.run("UPDATE outbox SET data = x'00' WHERE position = ?", position) }
    }
}
