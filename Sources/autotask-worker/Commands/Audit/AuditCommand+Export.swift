import ArgumentParser
import Contract
import Store

extension AuditCommand {
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes the whole log to a file, so that it can be verified later without the store.",
            discussion: """
                Each line is a JSON object (schemas/common/audit-row.json): a row with its code, or a mark of one of the log's ends. Sealed data stays
                sealed.

                Example: autotask-worker audit export /mnt/auditor/audit-2026-11-22.jsonl
                """
        )
        @Argument(help: "The file to write; must not exist. - is standard output.", completion: .file()) var file: String
        @OptionGroup var progress: ProgressOptions
        @OptionGroup var form: FormatOptions
        @OptionGroup var settings: SettingsOptions

        /// The failure when rows were forgotten during the export: the file would look like one from which rows were removed.
        private static let forgotten = Failure(
            .unavailable,
            "The worker forgot rows (AUDIT_DAYS) before they were read: the export is incomplete.",
            hint: "Delete the file, and export again."
        )

        func run() async throws {
            try form.check(Outcome.self)
            if file != "-" { Terminal.endsOnlyWhenDone() }
            let written = try await OpenStore.using(Configuration(settings)) { try await write($0) }
            guard file != "-" else { return }
            try form.show(written)
        }

        private func write(_ store: any OperatorStore) async throws -> Outcome {
            let output = try OutputFile(path: file)
            var count = 0
            var isFirst = true
            var (last, head): (Int64?, AuditMark?)
            let progress = progress.progress("rows")
            try await store.forEachAuditPage { page in
                var lines: [UInt8] = []
                func append(_ json: JSON) {
                    json.append(to: &lines)
                    lines.append(UInt8(ascii: "\n"))
                }
                if isFirst, let anchor = page.anchor { append(anchor.json) }
                isFirst = false
                if let last, let next = page.rows.first?.number, next != last + 1 { throw Export.forgotten }
                last = page.rows.last?.number ?? last
                for row in page.rows { append(row.json) }
                try output.write(lines)
                count += page.rows.count
                head = page.head
                progress.update(page)
                return true
            }
            progress.clear()
            if let last, let head, last != head.place.number { throw Export.forgotten }
            if let head { try output.write(head.json.encoded + [UInt8(ascii: "\n")]) }
            try output.close()
            return Outcome(["file": file, "rows": count, "head": head?.json], "Wrote \(file): \(count) rows.")
        }
    }
}
