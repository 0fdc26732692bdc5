import Engine
import Operations
import SQLiteStore
import Store
import Vault

/// Whether the audit log is as the worker wrote it.
struct AuditExamination: Examination {
    let settings: Settings
    let isThorough: Bool

    let name = "audit"
    /// How many rows are looked at, from the end on, unless all are.
    private static let newest = 1000

    var limit: Duration { isThorough ? .seconds(3600) : .seconds(10) }

    func checks() async -> [HealthReport.Check] {
        // A store that cannot be opened is the store examination's to tell, and so is a ring for the key ring's.
        guard let path = try? settings.storePath, let vault = try? await settings.vault else { return [] }
        let chain = AuditChain(vault)
        let newest = isThorough ? nil : AuditExamination.newest
        guard let report = try? await AuditInspection.report(on: path, with: chain, newest: newest) else { return [] }
        if let fault = report.fault {
            return [
                .init(
                    name,
                    .fail,
                    "The audit log is not as the worker wrote it. \(fault.description)",
                    advice:
                        "Keep a copy (autotask-worker store backup FILE), compare it with an export (autotask-worker audit verify --against FILE), and find out who could write the file."
                )
            ]
        }
        guard report.head != nil else { return [.init(name, "The audit log has not begun.")] }
        return [
            .init(
                name,
                isThorough
                    ? "The audit log holds: \(report.count.of("row"))." : "The newest \(report.count.of("row")) of the audit log hold."
            )
        ]
    }
}
