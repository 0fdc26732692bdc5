import Contract

/// Which exchanges lead to which queues, as the management API tells it.
struct BrokerWays {
    private let queues: [JSON]
    private let bindings: [JSON]

    /// - Returns: `nil` when they are not what the management API gives.
    init?(queues: JSON, bindings: JSON) {
        guard let queues = queues.array, let bindings = bindings.array else { return nil }
        self.queues = queues
        self.bindings = bindings
    }

    /// Whether all of these queues are among those that are seen.
    func knows(_ names: [String]) -> Bool { Set(names).isSubset(of: queues.compactMap { $0["name"]?.string }) }

    /// The queues that get messages of an exchange, and refuse them when they are full: then the publisher is told no.
    func refusing(_ exchange: String) -> [String] {
        let bound = Set(bindings.filter { $0["source"]?.string == exchange }.compactMap { $0["destination"]?.string })
        return queues.compactMap { queue in
            guard let name = queue["name"]?.string, bound.contains(name),
                queue["arguments"]?["x-overflow"]?.string?.hasPrefix("reject-publish") == true
            else { return nil }
            return name
        }
    }

    /// The destinations among some that an exchange is bound to.
    func strays(from exchange: String, to destinations: Set<String>) -> [String] {
        Set(bindings.filter { $0["source"]?.string == exchange }.compactMap { $0["destination"]?.string }).intersection(destinations)
            .sorted()
    }
}
