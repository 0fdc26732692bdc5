extension EventType {
    /// The code of the error that a stored terminal event reports; `nil` if it reports none. It parses all of the data. Code that makes an
    /// event has the error itself.
    package func failureCode(in data: [UInt8]) -> String? {
        switch self {
        case .connectionFailed, .syncIncomplete, .syncFailed, .billingCodesFailed, .driftFailed, .jobRejected, .jobSuperseded, .jobExpired,
            .jobAbandoned:
            (try? JSON(parsing: data))?["error"]?["code"]?.string
        case .connectionDiagnosed:
            (try? JSON(parsing: data)).flatMap(EventType.codeOfMissingDiagnosis)
        case .connectionEstablished, .connectionVerified, .connectionLost, .connectionRecovered, .syncStarted, .syncProgress,
            .syncSucceeded, .syncPreviewed, .billingCodesListed, .integrationEnabled, .integrationReset, .driftReported, .driftChanged,
            .jobDeferred, .jobConflict:
            nil
        }
    }

    /// A failed step is a finding and no failure of the job. A diagnosis that could not be made has one step only, which says why.
    private static func codeOfMissingDiagnosis(_ data: JSON) -> String? {
        guard let steps = data["steps"]?.array, steps.count == 1 else { return nil }
        return steps[0]["error"]?["code"]?.string
    }
}
