import Glibc
import Operations

/// Whether the platform lets the program keep its memory from others: what holds for this command holds for a worker that is started alike.
struct ProcessExamination: Examination {
    let name = "process"

    func checks() async -> [HealthReport.Check] {
        verdict(obstacles: Launch.current.obstacles, isRoot: geteuid() == 0)
    }

    func verdict(obstacles: [String], isRoot: Bool) -> [HealthReport.Check] {
        guard obstacles.isEmpty else {
            return obstacles.map {
                warn("A protection of the process is not in force: \($0)", advice: "See what confines the program here.")
            }
        }
        let reach = isRoot ? "nobody but root, as whom it runs," : "nobody of its own user"
        return [pass("No core is written, \(reach) reads its memory, and what it makes is its owner's alone.")]
    }
}
