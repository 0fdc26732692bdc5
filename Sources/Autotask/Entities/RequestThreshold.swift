import Contract

/// What `ThresholdInformation` tells: how much of its hourly quota a database has used, whoever made the requests.
package struct RequestThreshold: Hashable, Sendable {
    /// How many requests the database allows within ``timeframe``: 10,000, as far as is known.
    package var limit: Int
    /// The time that rolls along with the requests: an hour, as far as is known.
    package var timeframe: Duration
    /// Requests within the time that ended with this answer, of all integrations together.
    package var used: Int

    package init(limit: Int, timeframe: Duration, used: Int) {
        self.limit = limit
        self.timeframe = timeframe
        self.used = used
    }
}

extension RequestThreshold {
    /// Reads an answer of `ThresholdInformation`; `nil` for numbers that nobody could count by.
    init?(thresholdInformation json: JSON) {
        guard let limit = json[anyCase: "externalRequestThreshold"]?.wholeNumber,
            let minutes = json[anyCase: "requestThresholdTimeframe"]?.wholeNumber,
            let used = json[anyCase: "currentTimeframeRequestCount"]?.wholeNumber, (1...RequestThreshold.largestCount).contains(limit),
            (1...RequestThreshold.longestTimeframe).contains(minutes), (0...RequestThreshold.largestCount).contains(used)
        else { return nil }
        self.init(limit: Int(limit), timeframe: .seconds(minutes * 60), used: Int(used))
    }

    private static let largestCount: Int64 = 1_000_000_000
    /// In minutes: a day.
    private static let longestTimeframe: Int64 = 1440
}
