import Contract

/// The usage of a database's hourly quota by all clients, as `ThresholdInformation` reports it.
package struct RequestThreshold: Hashable, Sendable {
    /// The number of requests that the database allows within ``timeframe``: 10,000, as far as is known.
    package var limit: Int
    /// The length of the rolling window: an hour, as far as is known.
    package var timeframe: Duration
    /// The requests of all integrations within the window that ended with this answer.
    package var used: Int

    package init(limit: Int, timeframe: Duration, used: Int) {
        self.limit = limit
        self.timeframe = timeframe
        self.used = used
    }
}

extension RequestThreshold {
    /// Reads an answer of `ThresholdInformation`; `nil` for implausible numbers.
    init?(thresholdInformation json: JSON) {
        guard let limit = json[anyCase: "externalRequestThreshold"]?.wholeNumber,
            let minutes = json[anyCase: "requestThresholdTimeframe"]?.wholeNumber,
            let used = json[anyCase: "currentTimeframeRequestCount"]?.wholeNumber, (1...RequestThreshold.largestCount).contains(limit),
            (1...RequestThreshold.longestTimeframe).contains(minutes), (0...RequestThreshold.largestCount).contains(used)
        else { return nil }
        self.init(limit: Int(limit), timeframe: .seconds(minutes * 60), used: Int(used))
    }

    private static let largestCount: Int64 = 1_000_000_000
    /// The maximum window in minutes: a day.
    private static let longestTimeframe: Int64 = 1440
}
