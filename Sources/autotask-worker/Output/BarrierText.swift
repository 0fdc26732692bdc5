import Contract
import Store

/// Why calls to a part of Autotask are held back, in words.
extension CallBarrier {
    /// One sentence.
    var text: String {
        let end = until.map { "\($0)" } ?? "an unknown time"
        return switch (cause, part) {
        case (.outage, .zone), (.outage, .database):
            "Calls to \(place) fail: its circuit breaker is open since \(since), and admits a probe at \(end)."
        case (.outage, .credentials):
            "Autotask refuses its credentials without a reason: their circuit breaker is open since \(since), and admits a probe at \(end)."
        case (.limit, _): "Autotask limits requests to \(place) since \(since), and asked for no call before \(end)."
        case (.usage, _):
            "At least \(percent ?? 0) % of the hourly quota of \(place) is used since \(since). Its calls wait until less is used."
        case (.share, _):
            "The worker has used its share of the hourly quota of \(place) since \(since). It makes no call before \(end)."
        }
    }

    private var place: String {
        switch part {
        case .zone(let host): "the zone \(zone ?? host)"
        case .database(let id): "the Autotask database \(id)"
        case .credentials: "its credentials"
        }
    }

    /// What to do, if it is not what the error's hint says.
    var advice: String? {
        switch cause {
        case .outage, .limit: nil
        case .usage: "In Autotask, the customer finds the integration that makes the calls. See autotask-worker doctor --tenant."
        case .share: "To admit more calls within an hour, raise QUOTA_SHARE."
        }
    }

    /// Without a digest of credentials.
    var json: JSON {
        var members: JSONObject = ["cause": .string(cause.rawValue)]
        switch part {
        case .zone(let host):
            members["scope"] = "zone"
            members["zone"] = .string(zone ?? host)
        case .database(let id):
            members["scope"] = "database"
            members["databaseId"] = JSON(id)
        case .credentials: members["scope"] = "credentials"
        }
        members["since"] = .string(since.description)
        if let until { members["until"] = .string(until.description) }
        if let percent { members["percent"] = JSON(Int64(percent)) }
        return .object(members)
    }
}

extension UnconfirmedEvent {
    /// One sentence.
    var text: String {
        awaitsErasure
            ? "Its event waits since \(since) until a process has ended that reads erased data of the store."
            : "Its event waits since \(since) until the broker confirms it."
    }

    /// What to do.
    var advice: String {
        "See autotask-worker doctor: it checks the broker and the queues of events, and names processes that read the store."
    }
}
