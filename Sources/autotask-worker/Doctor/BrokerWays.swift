import Contract

/// The routes from exchanges to queues, from the management API.
struct BrokerWays {
    private let queues: [JSON]
    private let bindings: [JSON]

    /// - Returns: `nil` when they are not answers of the management API.
    init?(queues: JSON, bindings: JSON) {
        guard let queues = queues.array, let bindings = bindings.array else { return nil }
        self.queues = queues
        self.bindings = bindings
    }

    /// Whether the management API shows all of these queues.
    func knows(_ names: [String]) -> Bool { Set(names).isSubset(of: queues.compactMap { $0["name"]?.string }) }

    /// The queues that get messages of an exchange and refuse them when full, so that the publisher gets a nack.
    func refusing(_ exchange: String) -> [String] {
        let bound = Set(bindings.filter { $0["source"]?.string == exchange }.compactMap { $0["destination"]?.string })
        return queues.compactMap { queue in
            guard let name = queue["name"]?.string, bound.contains(name),
                queue["arguments"]?["x-overflow"]?.string?.hasPrefix("reject-publish") == true
            else { return nil }
            return name
        }
    }

    /// Those of some destinations that an exchange is bound to.
    func strays(from exchange: String, to destinations: Set<String>) -> [String] {
        Set(bindings.filter { $0["source"]?.string == exchange }.compactMap { $0["destination"]?.string }).intersection(destinations)
            .sorted()
    }
}
