import Contract
import Foundation
import GRDB
import Store
import StoreConformance
import Synchronization
import Testing

@testable import SQLiteStore

/// The plans of all statements: none reads or sorts a whole table that grows with the jobs, except for those that are listed.
///
/// ``StoreConnection`` takes only literals, so the module's source holds every statement of every command and of the worker.
struct QueryPlanTests {
    /// A statement that reads or sorts more than an index finds.
    private struct Exception {
        /// A part of the statement.
        let part: String
        /// What its plan says about it.
        let plan: [String]

        /// - Parameter bound: how much that is at most.
        init(_ part: String, _ plan: String..., bound: String) {
            self.part = part
            self.plan = plan
        }
    }

    private static let sorted = "USE TEMP B-TREE FOR ORDER BY"
    private static let sortedInMoment = "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"
    private static let grouped = "USE TEMP B-TREE FOR GROUP BY"
    private static let unfinished = "SCAN jobs USING INDEX jobs_unfinished"

    private static let exceptions = [
        // The lists of jobs and tenants.
        Exception("INDEXED BY jobs_rivals WHERE lane = ?", sorted, bound: "the unfinished jobs of a lane, LANE_BACKLOG_LIMIT"),
        Exception(
            "INDEXED BY jobs_rivals WHERE finished_at IS NULL",
            "SCAN jobs USING INDEX jobs_rivals",
            sorted,
            bound: "the unfinished jobs, BACKLOG_LIMIT"
        ),
        Exception("FROM jobs INDEXED BY jobs_failed", sortedInMoment, bound: "the jobs that failed in one millisecond"),
        Exception("FROM jobs f INDEXED BY jobs_failed", sortedInMoment, bound: "the jobs that failed in one millisecond"),
        Exception("(SELECT j.deferred_code", sorted, bound: "the jobs of a lane that are retried, LANE_BACKLOG_LIMIT"),
        // Figures for metrics: each ends when its time is up.
        Exception("SELECT COUNT(*), MIN(place) FROM jobs", "SCAN jobs USING INDEX jobs_rivals", bound: "the unfinished jobs, and 20 ms"),
        Exception("finished_at IS NULL AND not_before > ?", unfinished, bound: "the unfinished jobs, and 20 ms"),
        Exception("SELECT reason, COUNT(*) FROM dead_letters GROUP BY reason", "SCAN dead_letters", grouped, bound: "20 ms"),
        // Names that a shell offers.
        Exception("SELECT job_id FROM (SELECT place", "SCAN jobs", sorted, bound: "the newest jobs, StoreNames.rows"),
        Exception("SELECT id, fingerprint, reason FROM (SELECT", "SCAN dead_letters", sorted, bound: "the newest dead letters"),
        // The worker and the commands that change something.
        Exception("SELECT COUNT(*) FROM jobs WHERE is_scheduled", "SCAN jobs USING INDEX jobs_scheduled", bound: "CheckRound.limit"),
        Exception("SELECT 1 FROM audit LIMIT 1", "SCAN audit", bound: "one row"),
        Exception("awaits_erasure <> 0 LIMIT 1", "SCAN outbox USING INDEX outbox_awaiting", bound: "one row"),
        Exception("awaits_erasure <> 0 AND worker", "SCAN outbox USING INDEX outbox_awaiting", bound: "the events that await an erasure"),
        Exception("UPDATE outbox SET worker", "SCAN outbox", bound: "the unconfirmed events, when a worker is gone"),
        Exception("SELECT substr(payload, 1, 257) FROM jobs", unfinished, bound: "the unfinished jobs, when keys are listed or retired"),
        Exception("SELECT substr(payload, 1, 257) FROM dead_letters", "SCAN dead_letters", bound: "the dead letters, when keys are"),
        Exception("DELETE FROM dead_letters WHERE id IN ( SELECT", "SCAN dead_letters", bound: "the dead letters, in steps of a purge"),
        Exception("detail = NULL WHERE tenant = ?", "SCAN dead_letters", bound: "the dead letters, in a reset"),
        Exception("UPDATE jobs SET is_from_backup", unfinished, bound: "the unfinished jobs of a copy that nothing else uses"),
        Exception("UPDATE jobs SET not_before = NULL WHERE finished_at", unfinished, bound: "the unfinished jobs of such a copy"),
        Exception("SET payload = NULL WHERE payload IS NOT NULL", "SCAN dead_letters", bound: "the dead letters of such a copy"),
        // Doctor, which reads everything. It reads jobs, events and lanes in ranges.
        Exception(
            "SELECT name FROM (SELECT 'place'",
            "UNION USING TEMP B-TREE",
            "UNION USING TEMP B-TREE",
            "UNION USING TEMP B-TREE",
            bound: "a row of each counter"
        ),
        Exception("SELECT tenant, product, COUNT(*), MIN(position)", grouped, bound: "a range of the unconfirmed events"),
        Exception("SELECT COUNT(*) FROM outbox", "SCAN outbox", bound: "the unconfirmed events"),
        Exception("FROM outbox ORDER BY position LIMIT 1", "SCAN outbox", bound: "one row"),
        Exception("SELECT reason, COUNT(*)", "SCAN dead_letters", grouped, sorted, bound: "the dead letters"),
    ]

    @Test("No statement reads or sorts a large table, except for those that are listed with their bound")
    func plans() throws {
        let database = try QueryPlanTests.database()
        var unused = QueryPlanTests.exceptions.map(\.part)
        for statement in try Statements.all() {
            let excess = try database.read { try statement.excess(in: $0) }
            guard !excess.isEmpty else { continue }
            let matching = QueryPlanTests.exceptions.filter { statement.sql.contains($0.part) && $0.plan == excess }
            #expect(matching.count == 1, "\(statement.sql)\n\(excess)")
            unused.removeAll { part in matching.contains { $0.part == part } }
        }
        #expect(unused.isEmpty)
    }

    @Test("The source holds the statements that run")
    func listed() throws {
        let database = try QueryPlanTests.database()
        let run = Mutex<Set<String>>([])
        try database.read { database in
            database.trace { event in
                if case .statement(let statement) = event { _ = run.withLock { $0.insert(Statements.normal(statement.sql)) } }
            }
            let connection = StoreConnection(database)
            for selection in [
                JobSelection(), .init(tenant: Lane.one.tenant), .init(state: .waiting), .init(tenant: Lane.one.tenant, state: .failed),
            ] { _ = try connection.jobPage(selection, before: nil, limit: 10, looking: 10) }
            _ = try connection.failedJobs(since: .start, before: nil, limit: 10)
            _ = try connection.lanePage(.all, after: .start, limit: 10, looking: 10)
            _ = try connection.laneDetail(.one)
            _ = try connection.auditEnds()
            _ = try connection.auditRows(AuditSelection(tenant: Lane.one.tenant), newest: 10, in: 1...10)
            _ = try connection.jobRecord(named: JobID("a")!, of: "msp-1")
            _ = try connection.letters(.all, after: 0, limit: 10)
            _ = try connection.letterWindow(before: .max, limit: 10)
            database.trace(options: [])
        }
        let statements = Set(try Statements.all().map(\.sql))
        let ran = run.withLock { $0 }.filter { $0.contains("SELECT") }
        #expect(ran.count > 10 && ran.subtracting(statements).isEmpty)
    }

    @Test(
        "A statement that reads or sorts too much is noticed",
        arguments: [
            ("SELECT data FROM jobs WHERE job_id = ?", ["SCAN jobs"]), ("SELECT 1 FROM jobs j ORDER BY j.kind", ["SCAN j", sorted]),
            ("SELECT 1 FROM jobs WHERE lane = ? AND finished_at IS NOT NULL ORDER BY kind", [sorted]),
            ("SELECT 1 FROM lanes ORDER BY fence", []), ("SELECT 1 FROM audit AS a WHERE tenant = ?", ["SCAN a"]),
        ]
    )
    func noticed(sql: String, excess: [String]) throws {
        #expect(try QueryPlanTests.database().read { try Statements.Statement(sql: sql).excess(in: $0) } == excess)
    }

    @Test("The jobs that make a dead letter outdated are found by their lane and place, not among all jobs of the tenant")
    func outdated() throws {
        let letters = try #require(try Statements.all().first { $0.sql.contains("FROM dead_letters AS letters") })
        let plan = try QueryPlanTests.database().read { try letters.plan(in: $0) }
        let jobs = plan.filter { $0.hasPrefix("SEARCH jobs") }
        #expect(jobs == ["SEARCH jobs USING INDEX jobs_unfinished (lane=?)", "SEARCH jobs USING INDEX jobs_of_lane (lane=? AND rowid>?)"])
        #expect(plan.contains { $0.hasPrefix("SEARCH letters USING INTEGER PRIMARY KEY") })
    }

    @Test("The check of the file finds the rows of a table without reading the table", arguments: Statements.large)
    func next(table: String) throws {
        let database = try QueryPlanTests.database()
        #expect(try database.read { try Statements.Statement(sql: StoreIntegrity.next(of: table)).excess(in: $0) } == [])
    }

    /// A database with the product's tables, without rows.
    private static func database() throws -> DatabaseQueue {
        let database = try DatabaseQueue()
        try Schema.current.migrate(database)
        return database
    }
}

/// The statements in the module's source.
private enum Statements {
    struct Statement {
        let sql: String

        func plan(in database: Database) throws -> [String] {
            let statement = try database.makeStatement(sql: "EXPLAIN QUERY PLAN \(sql)")
            statement.setUncheckedArguments(StatementArguments())
            return try Row.fetchAll(statement).map { $0["detail"] as String }
        }

        /// The parts of its plan that read or sort a table that grows with the jobs.
        func excess(in database: Database) throws -> [String] {
            let plan = try plan(in: database)
            let names = Statements.large + Statements.large.flatMap(aliases)
            let readsLarge = plan.contains { step in names.contains { step.hasPrefix("SCAN \($0)") || step.hasPrefix("SEARCH \($0)") } }
            return plan.filter { step in
                names.contains { step == "SCAN \($0)" || step.hasPrefix("SCAN \($0) ") } || readsLarge && step.contains("TEMP B-TREE")
            }
        }

        private func aliases(of table: String) -> [String] {
            sql.matches(of: try! Regex("\\b\(table)(?: AS)? ([a-z]\\w*)")).compactMap { $0.output[1].substring.map(String.init) }
        }
    }

    /// The tables that grow with every job.
    static let large = ["jobs", "audit", "dead_letters", "outbox"]

    static func all() throws -> [Statement] {
        let module = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/SQLiteStore").standardized
        let files = try #require(FileManager.default.enumerator(at: module, includingPropertiesForKeys: nil))
        var statements: [Statement] = []
        for case let file as URL in files where file.pathExtension == "swift" {
            let source = try String(contentsOf: file, encoding: .utf8)
            let literals = source.matches(of: /"""\n(?<text>(?s:.*?))\n *"""|"(?<line>[^"\n]+)"/).map { $0.text ?? $0.line ?? "" }
            let sql = literals.map { normal(String($0)) }.filter { $0.starts(with: /(SELECT|INSERT|UPDATE|DELETE|WITH)\b/) }
            // Statements with names of tables in them: those that check the file itself, which look at a range of rows each.
            let fixed = sql.filter { !$0.contains("\\") }
            #expect(fixed.count == sql.count || file.lastPathComponent == "StoreIntegrity.swift")
            statements += fixed.map(Statement.init)
        }
        return statements
    }

    /// A statement on one line.
    static func normal(_ sql: String) -> String { sql.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
}
