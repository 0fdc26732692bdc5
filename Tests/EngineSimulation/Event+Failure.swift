import Contract

extension Event {
    /// The code of the error that a terminal event reports.
    var failureCode: String? { type.failureCode(in: data) }
}
