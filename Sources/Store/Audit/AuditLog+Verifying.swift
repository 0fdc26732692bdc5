extension AuditLog {
    /// Reads the whole log page by page at a ``Pace``, while workers continue to write it.
    ///
    /// - Parameter body: gets each page, and returns `false` to stop.
    package func forEachAuditPage(_ body: (AuditPage) throws -> Bool) async throws {
        let size = 250
        var last: Int64 = 0
        while true {
            let begin = ContinuousClock.now
            let page = try await auditPage(after: last, limit: size)
            guard try body(page), page.rows.count == size, let end = page.rows.last else { return }
            last = end.number
            try await Task.sleep(for: Pace.rest(after: .now - begin))
        }
    }

    /// Verifies the whole log.
    ///
    /// - Parameter onPage: gets each page before it is verified.
    package func verifyAudit(with chain: AuditChain, onPage: (AuditPage) -> Void = { _ in }) async throws -> AuditReport {
        while true {
            var verification: AuditVerification?
            var first: AuditPage?
            var last = AuditPage(rows: [], head: nil, anchor: nil)
            try await forEachAuditPage { page in
                onPage(page)
                first = first ?? page
                last = page
                var current = verification ?? AuditVerification(chain, from: page.anchor)
                for row in page.rows { current.take(row) }
                verification = current
                return !current.isOver
            }
            // Rows that were removed meanwhile may not have been read.
            guard var verification, first?.anchor == last.anchor else { continue }
            let fault = verification.end(at: last.head)
            return AuditReport(fault: fault, count: verification.count, head: last.head, anchor: last.anchor)
        }
    }
}
