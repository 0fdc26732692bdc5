import Engine
import Glibc
import Operations
import SQLiteStore
import Store
import Vault

/// Checks whether the audit log is as the worker wrote it.
struct AuditExamination: Examination {
    let settings: Configuration
    let isThorough: Bool

    let name = "audit"
    /// The number of newest rows that are verified, unless all are.
    private static let newest = 1000

    var limit: Duration { isThorough ? .thorough : .seconds(10) }

    func checks() async -> [HealthReport.Check] {
        // The store examination reports a store that cannot be opened; the key ring examination reports a ring.
        guard let path = try? settings.storePath else { return [] }
        guard access(path, F_OK) == 0 else { return [notMade("there is no store.")] }
        let vault: Vault
        do { vault = try await settings.vault } catch { return [notMade("the key ring cannot be used.")] }
        // Under another ring no row verifies. The store examination reports the mismatch.
        let owner = (try? await StoreIdentity.look(at: path))??.ring
        if let owner, let ring = try? await settings.keyRing, ring.id != owner {
            return [notMade("the store belongs to another key ring.", advice: "First fix what the check of the store reports.")]
        }
        let chain = AuditChain(vault)
        let newest = isThorough ? nil : AuditExamination.newest
        let report: AuditReport
        do {
            guard let found = try await AuditInspection.report(on: path, with: chain, newest: newest) else {
                return [notMade("the store holds none yet.")]
            }
            report = found
        } catch {
            return [notMade(error.message)]
        }
        return [verdict(on: report, isPaired: (try? await StoreIdentity.look(at: path))??.ring != nil)]
    }

    /// - Parameters:
    ///   - report: the result of the verification.
    ///   - isPaired: whether the store remembers a key ring. Pairing writes a row.
    func verdict(on report: AuditReport, isPaired: Bool) -> HealthReport.Check {
        if let fault = report.fault {
            return fail(
                "The audit log is not as the worker wrote it. \(fault.description)",
                advice:
                    "Keep a copy (autotask-worker store backup FILE), compare it with an export (autotask-worker audit verify --against FILE), and find out who could write the file."
            )
        }
        guard report.head != nil else {
            guard isPaired else { return pass("The audit log is empty.") }
            return fail(
                AuditFault.gone.description,
                advice: "Keep a copy (autotask-worker store backup FILE), and find out who could write the file."
            )
        }
        let rows = report.count.of("row")
        return pass(isThorough ? "The audit log is intact: \(rows)." : "The newest part of the audit log is intact: \(rows).")
    }
}
