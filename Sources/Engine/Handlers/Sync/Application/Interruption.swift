import Contract

/// Why a sync stops before its end.
enum Interruption: Error {
    /// Every further call would fail, or something required is missing: the job ends.
    case fatal(JobError)
    /// The job is deferred: the next attempt continues where this one stopped.
    case transient(JobError, earliest: Timestamp?)
    /// A reset waits for the lane.
    case superseded
    /// The program shuts down, or the job is paused: the next attempt continues where this one stopped.
    case parked

    init(_ failure: CallFailure) {
        self =
            switch failure.consequence {
            case .stop, .refused: .fatal(failure.error)
            case .retry(let earliest): .transient(failure.error, earliest: earliest)
            }
    }

    /// Why the job ends or is deferred; `nil` if neither.
    var error: JobError? {
        switch self {
        case .fatal(let error), .transient(let error, _): error
        case .superseded: JobError(.superseded, "A reset was requested while the sync ran. It stopped before its next write.")
        case .parked: nil
        }
    }

    /// Whether the job continues in another attempt.
    var isPassing: Bool {
        switch self {
        case .transient, .parked: true
        case .fatal, .superseded: false
        }
    }
}
