import Contract
import Store
import Testing

@testable import autotask_worker

/// The output of searches: what was found, how far they looked, and how to go on.
struct FindingTests {
    private let now = Timestamp("2026-11-30T12:00:00Z")!

    private func job(_ id: String, _ state: FoundJob.State, kind: JobKind? = .sync) -> FoundJob {
        FoundJob(
            order: 7,
            lane: Lane(tenant: TenantID("msp-1")!, product: .workplace),
            id: JobID(id)!,
            kind: kind,
            publisher: "portal",
            acceptedAt: now,
            state: state,
            attempts: 1,
            apiCalls: 4
        )
    }

    // MARK: Jobs

    @Test("A found job has its kind and state, or its event, and the error")
    func jobs() {
        var finding = JobFinding()
        finding.jobs = [
            job("a", .waiting(notBefore: nil)), job("b", .retrying(notBefore: now, code: "timeout")),
            job("c", .ended(at: now, .jobRejected, code: "job_invalid"), kind: nil),
            job("d", .ended(at: now, .jobSuperseded, code: "superseded")),
        ]
        let listing = JobListing(finding: finding)
        #expect(
            plain(listing.lines) == [
                "ACCEPTED                  TENANT  JOB  STATE", "2026-11-30T12:00:00.000Z  msp-1   a    sync waiting",
                "2026-11-30T12:00:00.000Z  msp-1   b    sync retrying timeout",
                "2026-11-30T12:00:00.000Z  msp-1   c    job.rejected job_invalid",
                "2026-11-30T12:00:00.000Z  msp-1   d    job.superseded superseded",
            ]
        )
        #expect(finding.jobs.allSatisfy { $0.row.cells.count == FoundJob.columns.count })
        #expect(listing.documents.map { $0["state"] } == ["waiting", "retrying", "failed", "ended"])
        #expect(
            listing.documents[1] == [
                "jobId": "b", "tenant": "msp-1", "product": "workplace", "kind": "sync", "state": "retrying", "event": nil,
                "code": "timeout", "publisher": "portal", "acceptedAt": "2026-11-30T12:00:00.000Z",
                "notBefore": "2026-11-30T12:00:00.000Z", "endedAt": nil, "attempts": 1, "apiCalls": 4,
            ]
        )
    }

    @Test("A search that has more to look at says how far it looked, and how to go on")
    func rest() {
        var finding = JobFinding()
        #expect(plain(JobListing(finding: finding).lines) == ["No job matches."])
        finding.looked = 20_000
        finding.backTo = now
        finding.next = JobCursor(order: 7, endedAt: now)
        let listing = JobListing(finding: finding)
        #expect(
            plain(listing.lines) == [
                "No job matches.",
                "Looked at 20000 jobs, back to 2026-11-30T12:00:00.000Z.", "To look further, add --before 1796040000000.7",
            ]
        )
        #expect(
            listing.json == ["jobs": [], "lookedAt": 20_000, "backTo": "2026-11-30T12:00:00.000Z", "before": "1796040000000.7"]
        )
    }

    @Test("A cursor is what was printed, and nothing else", arguments: ["7", "1796040000000.7"])
    func cursors(text: String) throws {
        #expect(try #require(JobCursor(text)).description == text)
    }

    @Test("No cursor", arguments: ["", "x", "-7", "0", "1.2.3", "1.", ".1", "1.x", "99999999999999999999"])
    func noCursor(text: String) {
        #expect(JobCursor(text) == nil)
    }

    // MARK: Failures

    @Test("Failures have who can fix them, and a mark if they are new")
    func failures() async throws {
        let jobs = [
            FailedJob(order: 2, endedAt: now, code: "credentials_invalid", kind: .connect, tenant: "msp-1"),
            FailedJob(order: 1, endedAt: now - .seconds(90_000), code: "job_invalid", kind: nil, tenant: "msp-2"),
        ]
        let table = try await FailedJobs(jobs: jobs).failures(since: now - .seconds(86_400))
        let listing = FailureListing(failures: table)
        #expect(
            plain(listing.lines) == [
                "ERROR                KIND     JOBS  TENANTS  LAST                      FIXABLE BY  NEW",
                "credentials_invalid  connect     1        1  2026-11-30T12:00:00.000Z  mspAdmin    new",
            ]
        )
        #expect(listing.json["complete"] == true && listing.json["failures"]?.array?.first?["new"] == true)
        #expect(table.groups[0].row.cells.count == FailureGroup.columns.count)
        let none = try await FailedJobs(jobs: []).failures(since: now)
        #expect(plain(FailureListing(failures: none).lines) == ["No job has failed since 2026-11-30T12:00:00.000Z."])
        let part = FailureListing(failures: try await FailedJobs(jobs: jobs).failures(since: now - .seconds(100_000), looking: 1))
        #expect(part.json["complete"] == false && part.lines.last?.contains("left out") == true)
    }

    // MARK: Pages

    private func printed(_ format: OutputFormat, _ pages: [[FoundJob]]) -> [String] {
        var lines: [String] = []
        var printer = ListPrinter<FoundJob>(format, whenEmpty: "Nothing.") { lines.append($0.description) }
        for page in pages { printer.show(page) }
        printer.end()
        return lines
    }

    @Test("A list that is printed page by page is one document, one file, or a table for each page")
    func pages() throws {
        let (a, b, c) = (job("a", .running), job("b", .running), job("c", .running))
        let pages = [[a, b], [], [c]]
        let json = try JSON(parsing: Array(printed(.json, pages).joined(separator: "\n").utf8))
        #expect(json == .array([a.json, b.json, c.json]))
        #expect(printed(.json, [[a]]).count == 1)
        #expect(printed(.jsonl, pages).count == 3)
        let csv = printed(.csv, pages)
        #expect(csv.count == 4 && csv.count { $0.hasPrefix("acceptedAt,") } == 1)
        #expect(printed(.text, pages).count { $0.contains("ACCEPTED") } == 2)
    }

    @Test("A list without elements is an empty document, a header, or a line that says so")
    func empty() {
        #expect(printed(.json, [[]]) == ["[]"] && printed(.jsonl, []).isEmpty)
        #expect(printed(.csv, [[]]).count == 1 && printed(.text, []) == ["Nothing."])
    }

    // MARK: Times

    @Test(
        "A time is a date-time, or how long ago it is",
        arguments: [
            ("30m", "2026-11-30T11:30:00.000Z"), ("24h", "2026-11-29T12:00:00.000Z"), ("7d", "2026-11-23T12:00:00.000Z"),
            ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00.000Z"),
        ]
    )
    func times(text: String, moment: String) throws {
        #expect(try Timestamp(since: text, now: now).description == moment)
    }

    @Test("No time", arguments: ["", "h", "-1h", "1.5h", "1w", "yesterday", "24", "99999999999d"])
    func noTime(text: String) {
        #expect(throws: Failure.self) { try Timestamp(since: text, now: now) }
    }

    private func plain(_ lines: [String]) -> [String] {
        lines.map { TerminalText($0).description.replacing(/\u{1B}\[[0-9]*m/, with: "") }
    }
}

/// Records of failed jobs only, the latest end first.
private struct FailedJobs: LaneRecords {
    let jobs: [FailedJob]

    func failedJobs(since: Timestamp, before cursor: JobCursor?, limit: Int) async throws(StoreError) -> [FailedJob] {
        Array(jobs.filter { $0.endedAt >= since && $0.order < cursor?.order ?? .max }.prefix(limit))
    }

    func lanes(_ selection: LaneSelection, after lane: Lane?, limit: Int) async throws(StoreError) -> LanePage {
        LanePage(lanes: [], next: nil)
    }

    func lane(_ lane: Lane) async throws(StoreError) -> LaneDetail? { nil }
    func waiting(at now: Timestamp) async throws(StoreError) -> WaitingTable { preconditionFailure("not asked for") }
    func situation(of lane: Lane, at now: Timestamp) async throws(StoreError) -> LaneSituation? { nil }
    func unconfirmed(_ event: OrderedEvent) async throws(StoreError) -> UnconfirmedEvent? { nil }
    func jobs(named id: JobID, of tenant: TenantID?) async throws(StoreError) -> [JobRecord] { [] }

    func jobs(_ selection: JobSelection, before cursor: JobCursor?, limit: Int, looking reach: Int) async throws(StoreError) -> JobFinding {
        JobFinding()
    }
}
