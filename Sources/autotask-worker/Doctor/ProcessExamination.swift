import Glibc
import Operations

/// Checks whether the platform lets the program keep its memory from others. The result also holds for a worker that is started alike.
struct ProcessExamination: Examination {
    let name = "process"

    func checks() async -> [HealthReport.Check] {
        verdict(obstacles: Launch.current.obstacles, isRoot: geteuid() == 0)
    }

    func verdict(obstacles: [String], isRoot: Bool) -> [HealthReport.Check] {
        guard obstacles.isEmpty else {
            return obstacles.map {
                warn(
                    "A protection of the process is not in force: \($0)",
                    advice: "Check the container or sandbox in which the program runs."
                )
            }
        }
        let reach = isRoot ? "only root, as which it runs," : "no other process of its user"
        return [pass("No core is written, \(reach) can read its memory, and only its owner may access files that it creates.")]
    }
}
