import Contract
import Store
import Testing

extension Behaviour {
    static let finding: [Behaviour] = [
        Behaviour("jobs are found by what they are and how they stand, newest first") { bench in
            let ids = try await bench.variety()
            #expect(ids == ["retrying", "running", "waiting", "refused", "expired", "replaced", "failed", "done"])
            for (selection, expected) in [
                (JobSelection(state: .waiting), ["waiting"]), (JobSelection(state: .running), ["running"]),
                (JobSelection(state: .retrying), ["retrying"]), (JobSelection(state: .ended), Array(ids.dropFirst(3))),
                (JobSelection(state: .failed), ["refused", "expired", "failed"]),
                (JobSelection(tenant: Lane.one.tenant), ["refused", "replaced", "failed", "done"]),
                (JobSelection(tenant: Lane.one.tenant, product: .fileProtection), []),
                (JobSelection(tenant: Lane.one.tenant, state: .failed), ["refused", "failed"]),
                (JobSelection(tenant: Lane.two.tenant), ["retrying"]), (JobSelection(tenant: Lane.two.tenant, state: .waiting), []),
                (JobSelection(tenant: TenantID("nobody")!, state: .failed), []), (JobSelection(product: .fileProtection), ["running"]),
                (JobSelection(kind: .connect), ["failed"]), (JobSelection(kind: .connect, code: .expired), []),
                (JobSelection(code: .expired), ["expired"]), (JobSelection(code: .superseded), ["replaced"]),
                (JobSelection(state: .ended, code: .credentialsInvalid), ["failed"]),
                (JobSelection(state: .retrying, code: .timeout), ["retrying"]), (JobSelection(state: .retrying, code: .network), []),
                (JobSelection(publisher: "portal"), ids), (JobSelection(publisher: "reseller"), []),
                (JobSelection(state: .failed, publisher: "reseller"), []),
                (JobSelection(since: bench.time(5)), ["retrying", "running", "waiting", "refused"]),
                (JobSelection(state: .failed, since: bench.time(4)), ["refused", "expired"]),
                (JobSelection(since: bench.time(60)), []),
            ] {
                let finding = try await bench.find(selection)
                #expect(finding.names == expected, "\(selection)")
                #expect(finding.next == nil, "\(selection)")
            }
        },
        Behaviour("a found job has its state, with the error of its end or of its last deferral") { bench in
            _ = try await bench.variety()
            let jobs = try await bench.find(.init()).jobs
            let states = Dictionary(uniqueKeysWithValues: jobs.map { ($0.id.description, $0.state) })
            #expect(states["waiting"] == .waiting(notBefore: nil) && states["running"] == .running)
            #expect(states["retrying"] == .retrying(notBefore: bench.time(100), code: "timeout"))
            #expect(states["done"] == .ended(at: bench.time(1), .syncSucceeded, code: nil))
            #expect(states["failed"] == .ended(at: bench.time(2), .connectionFailed, code: "credentials_invalid"))
            #expect(states["replaced"] == .ended(at: bench.time(3), .jobSuperseded, code: "superseded"))
            #expect(states["expired"] == .ended(at: bench.time(4), .jobExpired, code: "expired"))
            #expect(states["refused"] == .ended(at: bench.time(5), .jobRejected, code: "job_invalid"))
            let failed = try #require(jobs.first { $0.id.description == "failed" })
            #expect(failed.kind == .connect && failed.lane == .one && failed.publisher == "portal" && failed.acceptedAt == bench.time(2))
            #expect(failed.attempts == 1)
            #expect(jobs.first { $0.id.description == "refused" }?.kind == nil)
        },
        Behaviour("a search goes on where it ended: at its limit, or after the jobs that it may look at") { bench in
            let ids = try await bench.variety()
            for selection in [
                JobSelection(), JobSelection(tenant: Lane.one.tenant), JobSelection(state: .failed), JobSelection(state: .ended),
            ] {
                let whole = try await bench.find(selection).names
                for (limit, reach) in [(1, 100), (2, 100), (100, 1), (100, 3)] {
                    #expect(try await bench.findAll(selection, limit: limit, reach: reach) == whole, "\(selection) \(limit) \(reach)")
                }
            }
            let first = try await bench.store.jobs(JobSelection(kind: .connect), before: nil, limit: 10, looking: 3)
            #expect(first.jobs.isEmpty && first.looked == 3 && first.backTo == bench.time(6) && first.next != nil)
            let limited = try await bench.store.jobs(JobSelection(), before: nil, limit: 2, looking: 100)
            #expect(limited.names == Array(ids.prefix(2)) && limited.looked == 2)
        },
        Behaviour("jobs that ended in one transaction are found one by one") { bench in
            for id in ["a", "b", "c"] { try await bench.accept(bench.refusal(id), at: bench.time(1)) }
            try await bench.accept(bench.refusal("d", .two), bench.refusal("e", .three), bench.refusal("f"), at: bench.time(2))
            let failed = JobSelection(state: .failed)
            #expect(try await bench.findAll(failed, limit: 1, reach: 100) == ["f", "e", "d", "c", "b", "a"])
            #expect(try await bench.findAll(failed, limit: 100, reach: 2) == ["f", "e", "d", "c", "b", "a"])
            let (pages, since) = (try await bench.failedPages(of: 2, since: bench.time(1)), bench.time(2))
            #expect(pages.map(\.count) == [2, 2, 2, 0])
            #expect(pages.joined().map(\.tenant) == ["msp-1", "msp-3", "msp-2", "msp-1", "msp-1", "msp-1"])
            #expect(try await bench.store.failedJobs(since: since, before: nil, limit: 10).count == 3)
        },
        Behaviour("scheduled checks are not found") { bench in
            try await bench.connect([.one], database: 5)
            let before = try await bench.find(.init()).names
            let round = CheckRound(checks: [.init(.verify, every: .seconds(100))], limit: 10) { 0 }
            #expect(try await bench.store.enterChecks(round, at: bench.time(100)) == 1)
            #expect(try await bench.store.lane(.one)?.unfinished.count == 1)
            #expect(try await bench.find(.init()).names == before)
            #expect(try await bench.find(.init(state: .waiting)).names.isEmpty)
            #expect(try await bench.find(.init(tenant: Lane.one.tenant)).names == before)
        },
        Behaviour("failures are counted by code and kind, and are new if there was none the day before") { bench in
            let day = 86_400
            try await bench.accept(bench.refusal("old", .two), at: bench.time(0))
            try await bench.fail("first", .one, .timeout, at: day + 10)
            try await bench.fail("second", .two, .timeout, at: day + 20)
            try await bench.fail("third", .two, .timeout, at: day + 30)
            try await bench.accept(bench.refusal("refused", .three), at: bench.time(day + 40))
            let table = try await bench.store.failures(since: bench.time(day))
            #expect(table.isComplete && table.since == bench.time(day))
            #expect(table.groups.map(\.code) == ["timeout", "job_invalid"])
            #expect(table.groups.map(\.kind) == [.sync, nil] && table.groups.map(\.count) == [3, 1])
            #expect(table.groups.map(\.tenants) == [2, 1] && table.groups.map(\.isNew) == [true, false])
            #expect(table.groups[0].first == bench.time(day + 10) && table.groups[0].last == bench.time(day + 30))

            // Not all can be looked at.
            let part = try await bench.store.failures(since: bench.time(day), looking: 2)
            #expect(!part.isComplete && part.since == bench.time(day + 30) && part.groups.map(\.count) == [1, 1])
            #expect(part.groups.map(\.isNew) == [nil, nil])
            let whole = try await bench.store.failures(since: bench.time(day), looking: 4)
            #expect(whole.groups.map(\.isNew) == [nil, nil])
        },
        Behaviour("a reset and pruning leave the codes of ended jobs") { bench in
            try await bench.fail("bad", .one, .timeout, at: 1)
            try await bench.run("reset", .one, .reset, ending: .integrationReset, changes: LaneChanges(resets: true), at: bench.time(2))
            try await bench.store.prune(at: bench.time(40 * 86_400))
            #expect(try await bench.find(.init(code: .timeout)).names == ["bad"])
            #expect(try await bench.store.lane(.one)?.finished.map(\.code) == [nil, "timeout"])
        },
        Behaviour("lanes are listed in pages, by a part of the tenant, the connection and the last error") { bench in
            try await bench.connect([.two], database: 5)
            try await bench.accept(.job("a", .of("Acme-1")), .job("b", .of("msp-1", .fileProtection)), .job("c", .one))
            try await bench.fail("bad", .three, .timeout, at: 1)
            let all: [Lane] = [.of("Acme-1"), .of("msp-1", .fileProtection), .one, .two, .three]
            for limit in 1...6 {
                var (found, last) = ([Lane](), Lane?.none)
                repeat {
                    let page = try await bench.store.lanes(.all, after: last, limit: limit)
                    #expect(page.lanes.count <= limit)
                    found += page.lanes.map(\.lane)
                    last = page.next
                } while last != nil
                #expect(found == all, "\(limit)")
            }
            for (selection, expected) in [
                (LaneSelection(search: "acme"), [Lane.of("Acme-1")]),
                (LaneSelection(search: "SP-1"), [.of("msp-1", .fileProtection), .one]),
                (LaneSelection(search: "%"), []), (LaneSelection(connection: .status(.connected)), [.two]),
                (LaneSelection(connection: .status(.credentialsRejected)), []),
                (LaneSelection(search: "msp", connection: .missing), [.of("msp-1", .fileProtection), .one, .three]),
                (LaneSelection(lastCode: .timeout), [.three]), (LaneSelection(lastCode: .network), []),
            ] {
                #expect(try await bench.store.lanes(selection, after: nil, limit: 10).lanes.map(\.lane) == expected, "\(selection)")
            }
            try await bench.run("good", .three, at: bench.time(5))
            #expect(try await bench.store.lanes(.init(lastCode: .timeout), after: nil, limit: 10).lanes.isEmpty)
        },
    ]
}

extension Bench {
    /// One job of each state and end, a second apart: ids, the newest first.
    fileprivate func variety() async throws -> [String] {
        try await run("done", at: time(1))
        try await fail("failed", .one, .credentialsInvalid, kind: .connect, ending: .connectionFailed, at: 2)
        try await settle("replaced", .one, .superseded, .jobSuperseded, at: 3)
        try await settle("expired", .three, .expired, .jobExpired, at: 4)
        try await accept(refusal("refused"), at: time(5))
        // Three lanes with an unfinished job each.
        let (idle, other) = (Lane.of("msp-4"), Lane.of("msp-5", .fileProtection))
        try await accept(.job("waiting", idle), at: time(6))
        try await accept(.job("running", other), at: time(7))
        try await accept(.job("retrying", .two), at: time(8))
        let claims = try await claim(at: time(8)) { lane in
            lane.lane == idle ? LaneDecision(next: .wait(until: Bench.start + .seconds(1000))) : lane.inOrder(at: Bench.start + .seconds(8))
        }.claims
        let claim = try #require(claims.first { $0.token.lane == .two })
        let event = event(.jobDeferred, for: claim)
        let ending = Attempt.Ending.deferred(until: time(100), because: JobError(.timeout))
        _ = try await store.complete(claim.token, with: Completion(ending, events: [event], at: time(9)), at: time(9))
        return try await find(.init()).names
    }

    func fail(
        _ id: String,
        _ lane: Lane,
        _ code: ErrorCode,
        kind: JobKind = .sync,
        ending type: EventType = .syncFailed,
        at seconds: Int
    ) async throws {
        try await accept(.job(id, lane, kind, expiry: nil), at: time(seconds))
        let claim = try #require(try await claimDue(at: time(seconds)).claims.first { $0.job.id.description == id })
        let completion = Completion(.finished(JobError(code)), events: [event(type, for: claim)], at: time(seconds))
        _ = try await store.complete(claim.token, with: completion, at: time(seconds))
    }

    /// Ends a job without a run.
    private func settle(_ id: String, _ lane: Lane, _ code: ErrorCode, _ type: EventType, at seconds: Int) async throws {
        try await accept(.job(id, lane), at: time(seconds))
        let event = event(type, lane: lane, job: JobID(id))
        _ = try await claim(at: time(seconds)) { snapshot in
            let settlements = snapshot.jobs.filter { $0.id.description == id }
                .map { LaneDecision.Settlement(order: $0.order, event: event, code: code) }
            return LaneDecision(settlements: settlements, next: .wait(until: nil))
        }
    }

    fileprivate func find(_ selection: JobSelection) async throws -> JobFinding {
        try await store.jobs(selection, before: nil, limit: 100, looking: 1000)
    }

    /// All that are found, page by page. Each cursor is written and read, as commands do.
    fileprivate func findAll(_ selection: JobSelection, limit: Int, reach: Int) async throws -> [String] {
        var (names, last) = ([String](), JobCursor?.none)
        repeat {
            let finding = try await store.jobs(selection, before: last, limit: limit, looking: reach)
            #expect(finding.jobs.count <= limit && finding.looked <= reach)
            names += finding.names
            last = try finding.next.map { try #require(JobCursor($0.description)) }
        } while last != nil
        return names
    }

    fileprivate func failedPages(of size: Int, since: Timestamp) async throws -> [[FailedJob]] {
        var pages: [[FailedJob]] = []
        var last: JobCursor?
        repeat {
            pages.append(try await store.failedJobs(since: since, before: last, limit: size))
            last = pages.last?.last.map { JobCursor(order: $0.order, endedAt: $0.endedAt) }
        } while last != nil
        return pages
    }
}

extension JobFinding {
    fileprivate var names: [String] { jobs.map(\.id.description) }
}
