import Contract
import Store

/// The audit log of the model store.
struct ModelAudit: Sendable {
    private let chain: AuditChain
    private(set) var rows: [AuditRow] = []
    private var head: AuditMark?
    private var anchor: AuditMark?

    init(_ chain: AuditChain) { self.chain = chain }

    func page(after number: Int64, limit: Int) -> AuditPage {
        AuditPage(rows: Array(rows.lazy.filter { $0.number > number }.prefix(limit)), head: head, anchor: anchor)
    }

    func found(_ selection: AuditSelection, before number: Int64?, newest limit: Int, reach: Int) -> AuditFinding {
        var finding = AuditFinding()
        for row in rows.reversed() where row.number < number ?? .max {
            guard finding.rows.count < limit, finding.looked < reach else { return finding }
            finding.looked += 1
            finding.backTo = row.entry.at
            finding.next = row.number == rows.first?.number ? nil : row.number
            if selection.includes(row.entry) { finding.rows.insert(row, at: 0) }
        }
        return finding
    }

    mutating func add(_ entry: AuditEntry, beginningAfter jobs: Int64) {
        var pen =
            head.map { AuditPen(chain, behind: $0) { rows.last?.place ?? .start } } ?? AuditPen(chain, beginningAfter: jobs)
        rows += pen.rows(for: entry)
        head = pen.head
    }

    mutating func forget(before cutoff: Timestamp) {
        var verification = AuditVerification(chain, from: anchor)
        let old = rows.dropLast().prefix { $0.entry.at < cutoff }
        for row in old { verification.take(row) }
        guard !verification.isOver, verification.count == old.count, let last = old.last else { return }
        anchor = chain.mark(last.place, as: .anchor)
        rows.removeFirst(old.count)
    }
}

extension ModelTables {
    mutating func note(_ entry: AuditEntry) { audit.add(entry, beginningAfter: lastPlace) }

    mutating func note(_ notes: [AuditNote], of job: AuditedJob, by worker: WorkerID, at now: Timestamp) {
        for one in notes { note(AuditEntry(one, of: job, by: worker, at: now)) }
    }

    func auditedJob(_ index: Int) -> AuditedJob {
        var job = AuditedJob(jobs[index].job, in: jobs[index].lane)
        if jobs[index].wasRefused { job.kind = nil }
        return job
    }
}
