import Contract

/// Why a sync stops before its end.
enum Interruption: Error {
    /// Every further call would fail, or what is needed cannot be had: the job ends.
    case fatal(JobError)
    /// Put off: the next attempt goes on where this one stopped.
    case transient(JobError, earliest: Timestamp?)
    /// A reset waits for the lane.
    case superseded

    init(_ failure: CallFailure) {
        self =
            switch failure.consequence {
            case .stop, .refused: .fatal(failure.error)
            case .retry(let earliest): .transient(failure.error, earliest: earliest)
            }
    }

    var error: JobError {
        switch self {
        case .fatal(let error), .transient(let error, _): error
        case .superseded: JobError(.superseded)
        }
    }
}
