import Operations

/// One topic that the doctor looks into.
protocol Examination: Sendable {
    /// What is looked at.
    var name: String { get }
    /// How long it may take.
    var limit: Duration { get }
    /// What to make of it when that was not enough.
    var whenOutOfTime: HealthReport.Check { get }

    /// - Returns: none where there is nothing to look at, or another examination has told already why not.
    func checks() async -> [HealthReport.Check]
}

extension Examination {
    var limit: Duration { .seconds(10) }

    var whenOutOfTime: HealthReport.Check {
        fail("No answer within \(limit.inWords).", advice: "Find out what it hangs on, and run doctor again.")
    }

    // Checks of its name.

    func pass(_ output: String) -> HealthReport.Check { .init(name, output) }

    func warn(_ output: String, advice: String?) -> HealthReport.Check { .warn(name, output, advice: advice) }

    func fail(_ output: String, advice: String?) -> HealthReport.Check { .fail(name, output, advice: advice) }

    /// One that was not made, for a reason.
    func notMade(_ reason: String, advice: String? = nil) -> HealthReport.Check { .notMade(name, reason, advice: advice) }

    /// One that was not made because the broker's management API does not help, with advice for an error that has none.
    func notMade(_ error: any Error, advice: String? = nil) -> HealthReport.Check {
        let failure = error as? Failure
        return notMade(failure?.message ?? "the management API does not answer.", advice: failure?.hint ?? advice)
    }

    /// Its checks, or what to make of it when it ran out of time: what it then still waits for is left behind, as the program is about to end.
    func outcome() async -> [HealthReport.Check] {
        let (outcomes, first) = AsyncStream.makeStream(of: [HealthReport.Check].self)
        let work = Task { first.yield(await checks()) }
        let clock = Task {
            try await Task.sleep(for: limit)
            first.yield([whenOutOfTime])
        }
        defer {
            work.cancel()
            clock.cancel()
        }
        for await outcome in outcomes { return outcome }
        return []
    }
}

extension Duration {
    /// The limit of an examination that reads all of a store beside workers, at a `Pace`: some 50 million jobs take as long.
    static let thorough: Duration = .seconds(24 * 3600)
}
