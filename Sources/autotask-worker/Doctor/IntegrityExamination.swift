import Operations
import SQLiteStore
import Store

/// Whether SQLite finds the store sound.
struct IntegrityExamination: Examination {
    let settings: Configuration
    let isThorough: Bool

    let name = "integrity"

    var limit: Duration { isThorough ? .thorough : .seconds(10) }

    var whenOutOfTime: HealthReport.Check {
        warn(
            "The store is too large to be read within \(limit.inWords): whether it is sound is not known.",
            advice: "Run: autotask-worker doctor --thorough"
        )
    }

    func checks() async -> [HealthReport.Check] {
        // A store that cannot be opened is the store examination's to tell.
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
                advice: "Stop the workers, keep the file, and bring back a copy: autotask-worker store restore FILE. Have the disk checked."
            )
        }
        return pass(isThorough ? "SQLite finds the store sound, indexes and references too." : "SQLite finds the store sound.")
    }
}
