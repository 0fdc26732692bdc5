import Contract
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// The cost of a claim, in rows of jobs and in steps of SQLite's machine: it must not depend on how many jobs wait.
struct ClaimBoundTests {
    private let directory: TemporaryDirectory
    private let writer: Writer

    init() async throws {
        directory = try TemporaryDirectory()
        writer = try Writer(try StoreFile.open(directory.path("store.sqlite"), mustExist: false), chain: .bench)
        _ = try await writer.write { try $0.join(.one, in: nil, until: .start + .seconds(3600), at: .start) }
    }

    @Test("The cost of a claim and of an arrival does not depend on how many jobs wait in the lane", arguments: Shape.allCases)
    func bound(_ shape: Shape) async throws {
        let few = try await cost(of: Lane(tenant: TenantID("msp-few")!, product: .workplace), shape, jobs: 300)
        let many = try await cost(of: Lane(tenant: TenantID("msp-many")!, product: .workplace), shape, jobs: 3000)
        #expect(few.rows <= LaneSnapshot.maximumRows && many.rows <= LaneSnapshot.maximumRows)
        // A deeper tree takes a few steps more.
        #expect(Double(many.claim) <= Double(few.claim) * 1.25, "a claim: \(few.claim) and \(many.claim) steps")
        #expect(Double(many.arrival) <= Double(few.arrival) * 1.25, "an arrival: \(few.arrival) and \(many.arrival) steps")
        writer.stop()
        await writer.waitUntilStopped()
    }

    @Test("A lane with one job costs one row, and no look-up of rivals")
    func one() async throws {
        let cost = try await cost(of: .one, .plans, jobs: 0)
        #expect(cost.rows == 1)
        writer.stop()
        await writer.waitUntilStopped()
    }

    @Test("A read for the sum of waiting jobs has a limit of jobs, and always one whole lane")
    func waiting() async throws {
        for (tenant, jobs) in [("msp-1", 3), ("msp-2", 30), ("msp-3", 3), ("msp-4", 3)] {
            let lane = Lane(tenant: TenantID(tenant)!, product: .workplace)
            let items = (0..<jobs).map { Shape.billingCodes.item($0, lane) }
            _ = try await writer.write { transaction in
                try transaction.accept(
                    items,
                    by: .one,
                    at: .start,
                    rules: IntakeRules(laneLimit: .max, admit: { _ in Admission() }, conflict: { _ in preconditionFailure() })
                )
            }
        }
        let reads = try await writer.write { transaction in
            var (reads, last): ([Int], Int64?) = ([], 0)
            while let lane = last {
                let page = try transaction.connection.waitingRows(afterLane: lane, jobs: 10)
                reads.append(page.rows.count)
                last = page.last
            }
            return reads
        }
        #expect(reads == [3, 30, 6, 0])
        writer.stop()
        await writer.waitUntilStopped()
    }

    /// The waiting jobs of a lane.
    enum Shape: CaseIterable, Sendable {
        /// Syncs of different plans.
        case plans
        /// Syncs of one plan that have not ended each other.
        case revisions
        case billingCodes
        /// Jobs that wait for a time in the future, and for one that has passed.
        case deferred, late
        /// Jobs that expire later, and jobs that have expired.
        case expiring, expired
        case resets

        func item(_ number: Int, _ lane: Lane) -> IntakeItem {
            switch self {
            case .plans, .deferred, .late: .job("job-\(number)", lane, plan: "plan-\(number)", expiry: nil)
            case .revisions: .job("job-\(number)", lane, plan: "plan", revision: Int64(number % 7), expiry: nil)
            case .billingCodes: .job("job-\(number)", lane, .billingCodes, expiry: nil)
            case .expiring: .job("job-\(number)", lane, plan: "plan-\(number)", expiry: .start + .seconds(10_000 + number))
            case .expired: .job("job-\(number)", lane, plan: "plan-\(number)", expiry: .start - .seconds(number))
            case .resets: .job("job-\(number)", lane, .reset, expiry: nil)
            }
        }

        /// The SQL that changes the waiting jobs.
        var moment: Timestamp? {
            switch self {
            case .deferred: .start + .seconds(5000)
            case .late: .start - .seconds(1)
            default: nil
            }
        }
    }

    private struct Cost: Sendable {
        var rows: Int
        var claim: Int
        var arrival: Int
    }

    private func cost(of lane: Lane, _ shape: Shape, jobs: Int) async throws -> Cost {
        for start in stride(from: 0, to: jobs, by: 500) {
            let items = (start..<min(start + 500, jobs)).map { shape.item($0, lane) }
            _ = try await writer.write { try $0.accept(items, by: .one, at: .start) { _ in preconditionFailure() } }
        }
        if let moment = shape.moment {
            _ = try await writer.write { transaction in
                try transaction.connection.run(
                    "UPDATE jobs SET not_before = ? + place WHERE lane = (SELECT id FROM lanes WHERE tenant = ?)",
                    moment - .seconds(100),
                    lane.tenant.description
                )
            }
        }
        let last = [shape.item(jobs, lane)]
        let arrival = try await steps { transaction in
            let rules = IntakeRules(laneLimit: .max, admit: { _ in Admission() }) { _ in preconditionFailure() }
            _ = try transaction.accept(last, by: .one, at: .start, rules: rules)
        }
        let rows = try await writer.write { $0.connection.jobRows }
        let claim = try await steps { transaction in
            let result = try transaction.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { snapshot in
                guard let job = snapshot.jobs.first(where: { $0.notBefore == nil || $0.notBefore! <= .start }) else {
                    return LaneDecision(next: .wait(until: snapshot.nextMoment))
                }
                return LaneDecision(next: .run(order: job.order, .work))
            }
            for claim in result.claims {
                let completion = Completion(.finished(nil), events: [.answering(claim, .syncSucceeded)])
                _ = try transaction.complete(claim.token, with: completion, at: .start)
            }
        }
        return Cost(rows: try await writer.write { $0.connection.jobRows } - rows, claim: claim, arrival: arrival)
    }

    private func steps(of body: @escaping @Sendable (Transaction) throws -> Void) async throws -> Int {
        let before = try await writer.write { $0.connection.machineSteps }
        try await writer.write { try body($0) }
        return try await writer.write { $0.connection.machineSteps } - before
    }
}
