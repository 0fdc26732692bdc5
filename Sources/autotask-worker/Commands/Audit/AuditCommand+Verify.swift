import ArgumentParser
import Contract
import Engine
import SQLiteStore
import Store
import Vault

extension AuditCommand {
    struct Verify: OutputCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks whether the log is as the worker wrote it, and reports how it was changed.",
            discussion: """
                Needs the key ring. A log alone cannot show that the whole store was put back to an earlier state. Keep the output of this
                command, or an export, elsewhere, and pass it to --against.

                Exit codes: 0 the log is intact, 1 it is not.

                Example: autotask-worker audit verify --against /mnt/auditor/audit-2026-11-01.jsonl
                """
        )
        @Option(help: ArgumentHelp("Verify this export instead of the store.", valueName: "file"), completion: .file()) var export: String?
        @Option(
            help: ArgumentHelp(
                "Also compare with this file: an earlier export, or the output of 'audit verify --json'.",
                valueName: "file"
            ),
            completion: .file()
        )
        var against: String?
        @OptionGroup var progress: ProgressOptions
        @OptionGroup var output: OutputOptions

        func result(_ settings: Configuration) async throws -> Outcome {
            let chain = AuditChain(try await settings.vault)
            let reference = try against.map { try AuditFile(path: $0).reference() }
            if let export {
                let file = AuditFile(path: export)
                var (report, row) = try file.verify(with: chain, lookingFor: reference?.number)
                // An export without rows proves nothing.
                if report.fault == nil, report.head == nil, report.count == 0 { report.fault = .gone }
                return outcome(report, reference.flatMap { disagreement(with: $0, row, report) })
            }
            return try await OpenStore.using(settings) { store in
                let identity = try await PairedStore.checkReading(settings)
                let progress = progress.progress("rows")
                var report = try await store.verifyAudit(with: chain) { progress.update($0) }
                progress.clear()
                // The pairing wrote a row: without any row, the log was removed.
                if identity?.ring != nil, report.fault == nil, report.head == nil { report.fault = .gone }
                var row: AuditRow?
                if let reference { row = try await store.auditPage(after: reference.number - 1, limit: 1).rows.first }
                return outcome(report, reference.flatMap { disagreement(with: $0, row, report) })
            }
        }

        /// Why the log is not the one that the reference was taken from; `nil` if nothing contradicts it.
        ///
        /// - Parameter row: the row at that place, or the first after it.
        private func disagreement(with reference: AuditPlace, _ row: AuditRow?, _ report: AuditReport) -> String? {
            let name = against ?? ""
            if reference.number == 0 || row?.place == reference || report.anchor?.place == reference { return nil }
            if row?.number == reference.number {
                return
                    "Row \(reference.number) differs from the one in \(name): the store was put back to an earlier state and has continued from there, or \(name) is another store's. See autotask-worker audit list for a row 'store.restored'."
            }
            if let anchor = report.anchor?.place.number, anchor > reference.number {
                return "Row \(reference.number), with which \(name) ends, was forgotten since (AUDIT_DAYS): use a newer file."
            }
            return
                "The log ends with row \(report.head?.place.number ?? 0), but \(name) has row \(reference.number): the store was put back to an earlier state."
        }

        private func outcome(_ report: AuditReport, _ disagreement: String?) -> Outcome {
            let problem = report.fault?.description ?? disagreement
            var outcome = Outcome(
                [
                    "holds": problem == nil, "rows": report.count, "problem": problem, "row": report.fault?.row, "head": report.head?.json,
                    "anchor": report.anchor?.json,
                ],
                failure: problem.map { _ in ExitCode.no }
            )
            if let problem {
                outcome.lines = [
                    problem, "Keep a copy of the store (autotask-worker store backup FILE), and find out who could write the file.",
                ]
            } else if let head = report.head {
                let first = (report.anchor?.place.number ?? 0) + 1
                outcome.lines = [
                    "The log is intact: rows \(first) to \(head.place.number).",
                    "It ends with \(head.place.number) \(Base64URL.encode(head.place.mac)).",
                ]
            } else {
                outcome.lines = ["The log is empty."]
            }
            return outcome
        }
    }
}
