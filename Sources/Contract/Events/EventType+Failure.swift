extension EventType {
    /// The code of the error that a stored terminal event reports; `nil` if it reports none. It parses all of the data. Code that makes an
    /// event has the error itself.
    package func failureCode(in data: [UInt8]) -> String? {
        switch self {
        case .connectionFailed, .syncIncomplete, .syncFailed, .billingCodesFailed, .driftFailed, .jobRejected, .jobSuperseded, .jobExpired,
            .jobAbandoned:
            (try? JSON(parsing: data))?["error"]?["code"]?.string
        case .connectionEstablished, .connectionVerified, .connectionDiagnosed, .connectionLost, .connectionRecovered, .syncStarted,
            .syncProgress, .syncSucceeded, .syncPreviewed, .billingCodesListed, .integrationEnabled, .integrationReset, .driftReported,
            .driftChanged, .jobDeferred, .jobConflict:
            nil
        }
    }
}
