import Operations
import SQLiteStore
import Store

/// Checks whether SQLite finds the store sound.
struct IntegrityExamination: Examination {
    let settings: Configuration
    let isThorough: Bool

    let name = "integrity"

    var limit: Duration { isThorough ? .thorough : .seconds(10) }

    var whenOutOfTime: HealthReport.Check {
        warn(
            "The store is too large to be read within \(limit.inWords): it is not known whether it is sound.",
            advice: "Run: autotask-worker doctor --thorough"
        )
    }

    func checks() async -> [HealthReport.Check] {
        // The store examination reports a store that cannot be opened.
        guard let path = try? settings.storePath else { return [] }
        let format: StoreFormat
        do { format = try await StoreFormat.look(at: path) } catch { return [notMade("the store cannot be opened.")] }
        guard format != .none else { return [notMade("there is no store.")] }
        let problems: [String]
        do { problems = try await StoreIntegrity.problems(of: path, isThorough: isThorough) } catch {
            return [fail(error.message, advice: StoreExamination.advice(on: error))]
        }
        return [verdict(on: problems)]
    }

    func verdict(on problems: [String]) -> HealthReport.Check {
        guard problems.isEmpty else {
            return fail(
                "The store is damaged: \(problems.joined(separator: "; ")).",
                advice: "Stop the workers, keep the file, and restore a backup: autotask-worker store restore FILE. Check the disk."
            )
        }
        return pass(isThorough ? "SQLite finds the store sound, including indexes and references." : "SQLite finds the store sound.")
    }
}
