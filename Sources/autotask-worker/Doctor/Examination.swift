import Operations

/// One topic of the doctor.
protocol Examination: Sendable {
    /// The topic's name.
    var name: String { get }
    /// The longest time that it may take.
    var limit: Duration { get }
    /// The check to report when the time is over.
    var whenOutOfTime: HealthReport.Check { get }

    /// - Returns: no check if there is nothing to examine, or another examination reports why.
    func checks() async -> [HealthReport.Check]
}

extension Examination {
    var limit: Duration { .seconds(10) }

    var whenOutOfTime: HealthReport.Check {
        fail("No answer within \(limit.inWords).", advice: "Find out what it waits for, and run doctor again.")
    }

    // Checks with its name.

    func pass(_ output: String) -> HealthReport.Check { .init(name, output) }

    func warn(_ output: String, advice: String?) -> HealthReport.Check { .warn(name, output, advice: advice) }

    func fail(_ output: String, advice: String?) -> HealthReport.Check { .fail(name, output, advice: advice) }

    /// A check that was not made, with the reason.
    func notMade(_ reason: String, advice: String? = nil) -> HealthReport.Check { .notMade(name, reason, advice: advice) }

    /// A check that was not made because of an error of the broker's management API. The advice is for errors without a hint.
    func notMade(_ error: any Error, advice: String? = nil) -> HealthReport.Check {
        let failure = error as? Failure
        return notMade(failure?.message ?? "the management API does not answer.", advice: failure?.hint ?? advice)
    }

    /// Its checks, or ``whenOutOfTime``. Work that still runs then is abandoned, as the program is about to end.
    func outcome() async -> [HealthReport.Check] { await Deadline.value(within: limit) { await checks() } ?? [whenOutOfTime] }
}

extension Duration {
    /// The limit of an examination that reads a whole store beside workers, at a `Pace`. About 50 million jobs take that long.
    static let thorough: Duration = .seconds(24 * 3600)
}
