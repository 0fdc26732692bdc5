import Contract
import GRDB
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// A damaged number in one lane ends no process and stops no other lane: its own lane is set aside, or goes on with the nearest possible
/// number.
@Suite(.timeLimit(.minutes(1)))
struct DamagedNumberTests {
    private let directory: TemporaryDirectory
    private let store: SQLiteStore
    private let rules = IntakeRules(laneLimit: 100, admit: { _ in Admission() }, conflict: { _ in preconditionFailure("no id conflicts") })

    init() async throws {
        directory = try TemporaryDirectory()
        store = try await SQLiteStore(path: directory.path("store.sqlite"), auditing: .bench)
        _ = try await store.join(.one, until: .start + .seconds(15), at: .start)
    }

    static let columns = [
        "jobs.attempts", "jobs.interruptions", "jobs.held_up", "jobs.api_calls", "jobs.accepted_at", "jobs.not_before", "jobs.begun_at",
        "jobs.deadline", "jobs.deferred_for", "jobs.requested_at", "jobs.expiry", "jobs.revision", "jobs.standing", "jobs.finished_at",
        "jobs.event_time", "jobs.replayed_at", "jobs.epoch", "jobs.sequence", "lanes.fence", "lanes.next_sequence", "lanes.epoch",
        "lanes.backlog",
        "lanes.rank",
        "lanes.unsettled_since", "lanes.database_id", "lanes.wanted", "lanes.occupied",
    ]

    @Test(arguments: columns, [Int64.max, Int64.min])
    func `a damaged number stops its own lane at most`(column: String, value: Int64) async throws {
        _ = try await accept("waiting", .one)
        _ = try await accept("running", .two)
        let running = try #require(try await claims(of: .two).first)
        try await damage(column, value)
        // What fails is reported, and does not trap.
        _ = try? await end(running, .deferred(until: .start + .seconds(5), because: JobError(.network), counts: false))
        for second in 0..<3 {
            for claim in try await claims(at: .start + .seconds(second * 10)) {
                _ = try? await end(claim, .deferred(until: .start + .seconds(5), because: JobError(.network)))
            }
            try await damage(column, value)
        }
        for claim in try await claims(at: .start + .seconds(60)) { _ = try? await end(claim) }
        try await damage(column, value)
        _ = try? await accept("waiting", .one)
        _ = try? await accept("later", .one)
        _ = try? await store.prune(at: .start + .seconds(60), keeping: Retention(history: .seconds(1)))
        for id in ["waiting", "running"] { _ = try? await store.jobs(named: JobID(id)!, of: nil) }
        _ = try? await store.lane(.one)
        // A restart takes over what is left.
        try await store.leave(.one, at: .start + .seconds(70))
        _ = try await store.join(.one, until: .start + .seconds(100), at: .start + .seconds(70))
        let other = Lane(tenant: TenantID("msp-4")!, product: .workplace)
        #expect(try await accept("other", other).outcomes.count == 1)
        let claim = try #require(try await claims(of: other, at: .start + .seconds(71)).first)
        #expect(try await end(claim).map(\.event.event.type) == [.syncSucceeded])
        await store.close()
    }

    @Test(arguments: ["lanes.epoch", "lanes.next_sequence", "lanes.fence"], [Int64.max, Int64.min])
    func `a job of a lane whose row cannot be read is accepted, and runs once the row is mended`(column: String, value: Int64) async throws
    {
        _ = try await accept("first", .one)
        let first = try #require(try await claims(of: .one).first)
        _ = try await end(first)
        try await damage(column, value)
        #expect(try await accept("second", .one).outcomes.count == 1)
        #expect(try await accept("second", .one).outcomes == [.underWay])
        let other = Lane(tenant: TenantID("msp-4")!, product: .workplace)
        #expect(try await accept("other", other).outcomes.count == 1)
        #expect(try await claims(at: .start).map(\.token.lane) == [other])
        #expect(store.setAside.count == 1)
        try await damage(column, 3)
        try await store.leave(.one, at: .start + .seconds(1))
        _ = try await store.join(.one, until: .start + .seconds(100), at: .start + .seconds(1))
        let second = try #require(try await claims(of: .one, at: .start + .seconds(2)).first)
        #expect(second.job.id == JobID("second"))
        #expect(try await end(second).count == 1)
        await store.close()
    }

    @Test(
        arguments: [
            #"{"end":9223372036854775807,"begin":9223372036854775807,"calls":[[9223372036854775807,"GET","h","p",200,9223372036854775807]]},"#,
            #"{"end":-9223372036854775808,"begin":9223372036854775807,"calls":[[1,"GET","h","p",200,-1]],"apiCalls":9223372036854775807},"#,
            #"{"end":9223372036854775807,"begin":-9223372036854775808,"until":-9223372036854775808},"#,
        ]
    )
    func `attempts with damaged numbers are read, and their job is given up`(text: String) async throws {
        _ = try await accept("given-up", .one)
        let claim = try #require(try await claims(of: .one).first)
        try await store.write { try $0.connection.run("UPDATE jobs SET account = ?", text) }
        let givenUp = Attempt.Ending.givenUp(GivenUp(.interrupted, JobError(.internal)))
        #expect(try await end(claim, givenUp).map(\.event.event.type) == [.jobAbandoned])
        let record = try #require(try await store.jobs(named: JobID("given-up")!, of: nil).first)
        for attempt in record.made {
            _ = attempt.began.map { attempt.ended - $0 }
            #expect(attempt.calls.allSatisfy { !$0.at.description.isEmpty })
        }
        await store.close()
    }

    @Test func `what a job asked for does not outlive attempts that were lost`() async throws {
        _ = try await accept("asks", .one)
        let claim = try #require(try await claims(of: .one).first)
        let attempt = Attempt(began: .start, ended: .start, .deferred(until: .start, because: JobError(.network)))
        let completion = Completion(attempt, events: [], asked: Array(#"{"name":"Gold"}"#.utf8), keepsHistory: true)
        _ = try await store.complete(claim.token, with: completion, at: .start)
        try await store.write { try $0.connection.run("UPDATE jobs SET account = NULL") }
        // A newer sync supersedes it.
        let superseding = IntakeRules(
            laneLimit: 100,
            admit: { arrival in
                Admission(
                    settlements: arrival.rivals.map { rival in
                        let event = Event(
                            id: "e-\(rival.id)",
                            type: .jobSuperseded,
                            lane: .one,
                            jobID: rival.id,
                            time: .start,
                            traceparent: nil,
                            data: [:]
                        )
                        return LaneDecision.Settlement(order: rival.order, event: event, code: .superseded)
                    }
                )
            },
            conflict: { _ in preconditionFailure("each id is new") }
        )
        let key = JobKey(id: JobID("newer")!, lane: .one, digest: [1])
        let newer = AcceptableJob(key: key, kind: .sync, planID: "p", sealedPayload: [1])
        _ = try await store.accept([IntakeItem(.job(newer))], by: .one, at: .start, rules: superseding)
        let record = try #require(try await store.jobs(named: JobID("asks")!, of: nil).first)
        guard case .ended = record.state else { throw CancellationError() }
        #expect(record.asked == nil)
        await store.close()
    }

    private func accept(_ id: String, _ lane: Lane) async throws -> Acceptance {
        let key = JobKey(id: JobID(id)!, lane: lane, digest: [1])
        let job = AcceptableJob(key: key, kind: .sync, planID: "p", requestedAt: .start, sealedPayload: [1])
        return try await store.accept([IntakeItem(.job(job), overtakersAfter: 0)], by: .one, at: .start, rules: rules)
    }

    private func claims(of lane: Lane? = nil, at now: Timestamp = .start) async throws -> [LaneClaim] {
        let request = ClaimRequest(worker: .one, limit: 9)
        return try await store.claim(request, at: now) { snapshot in
            guard lane == nil || snapshot.lane == lane, let due = snapshot.jobs.first(where: { $0.notBefore ?? now <= now }) else {
                return LaneDecision(next: .wait(until: snapshot.jobs.compactMap(\.notBefore).min()))
            }
            return LaneDecision(next: .run(order: due.order, .work))
        }.claims
    }

    @discardableResult
    private func end(_ claim: LaneClaim, _ ending: Attempt.Ending = .finished(nil)) async throws -> [OutboxEntry] {
        let type: EventType? =
            switch ending {
            case .finished: .syncSucceeded
            case .givenUp: .jobAbandoned
            default: nil
            }
        let events = type.map {
            Event(
                id: "e-\(claim.job.id)-\(claim.token.fence)",
                type: $0,
                lane: claim.token.lane,
                jobID: claim.job.id,
                time: .start,
                traceparent: nil,
                data: [:]
            )
        }
        let attempt = Attempt(began: .start, ended: .start, ending)
        return try await store.complete(
            claim.token,
            with: Completion(attempt, events: events.map { [$0] } ?? [], keepsHistory: true),
            at: .start
        )
    }

    /// Changes the rows of the first two lanes.
    private func damage(_ column: String, _ value: Int64) async throws {
        let (table, name) = (column.prefix { $0 != "." }, column.drop { $0 != "." }.dropFirst())
        try await store.write { transaction in
            try transaction.connection.database.execute(
                sql: "UPDATE \(table) SET \(name) = ? WHERE tenant IN ('msp-1', 'msp-2')",
                arguments: [value]
            )
        }
    }
}
