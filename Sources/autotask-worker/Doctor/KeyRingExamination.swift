import Contract
import Glibc
import Operations
import SystemPackage
import Vault

/// Checks whether the key ring can be used, and whether portals may still seal to it.
struct KeyRingExamination: Examination {
    let settings: Configuration

    let name = "key ring"
    /// How long before the end of the portals' key the doctor warns.
    private static let notice: Duration = .seconds(30 * 86_400)

    func checks() async -> [HealthReport.Check] {
        let source: any KeyRingSource
        // The settings examination reports a faulty setting.
        do { source = try settings.keyRingSource } catch { return [] }
        let path = source.description
        var status = stat()
        if source is KeyRingFile, stat(path, &status) == 0, status.st_uid != geteuid(), status.st_uid != 0 {
            return [
                fail(
                    "The key ring \(path) belongs to user \(status.st_uid), and this command runs as \(geteuid()).",
                    advice: "Run doctor as the user that the worker runs as. That user must also own the key ring."
                )
            ]
        }
        let ring: KeyRing
        do { ring = try await source.load() } catch {
            return [fail(error.message, advice: "Repair or restore it, or check VAULT_KEYS: \(KeyRingExamination.stakes)")]
        }
        return [verdict(on: ring, at: path, now: SystemTime.now)]
    }

    /// A note when the ring is beside the store: a copy of both is a copy of every secret.
    private func neighbourhood(_ path: String) -> String {
        guard let store = try? settings.storePath, FilePath(store).removingLastComponent() == FilePath(path).removingLastComponent() else {
            return ""
        }
        return " It is in the store's directory: keep it out of the store's backups."
    }

    private static let stakes = "without its own key ring nothing in a store can be read."

    func verdict(on ring: KeyRing, at path: String, now: Timestamp) -> HealthReport.Check {
        let ends = ring.publicKeys(at: now)["keys"]?.array?.compactMap { $0["notAfter"]?.string.flatMap { Timestamp($0) } } ?? []
        guard let end = ends.max() else {
            return fail(
                "Portals have no key to seal credentials to: every public key of the ring has expired.",
                advice: "Run: autotask-worker keys rotate --use portals, and give portals the new document: autotask-worker keys publish"
            )
        }
        guard end < now + KeyRingExamination.notice else {
            return pass("\(path) is accessible to its owner only, and has an active key for each use.\(neighbourhood(path))")
        }
        return warn(
            "Portals may not seal credentials with the ring's newest public key after \(end).",
            advice: "Run: autotask-worker keys rotate --use portals, and give portals the new document: autotask-worker keys publish"
        )
    }
}
