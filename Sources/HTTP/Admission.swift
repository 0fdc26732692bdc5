import DequeModule

/// Limits the exchanges in flight: in total, and for each endpoint, so that a host that hangs cannot take every slot.
///
/// libcurl could also queue, but its time limit runs while a request waits. So libcurl gets only requests that it may send immediately.
/// Requests that wait at an endpoint are admitted in order; endpoints with room take turns.
struct Admission<Item> {
    private struct Endpoint {
        var inFlight = 0
        var waiting = Deque<Item>()
    }

    private let limit: Int
    private let endpointLimit: Int
    private(set) var inFlight = 0
    private var endpoints: [String: Endpoint] = [:]
    /// The endpoints with a waiting item and room for one more, each once.
    private var turns = Deque<String>()

    init(limit: Int, endpointLimit: Int) {
        self.limit = limit
        self.endpointLimit = endpointLimit
    }

    /// How many items wait for a slot.
    var waiting: Int { endpoints.values.reduce(0) { $0 + $1.waiting.count } }

    /// Asks for a slot.
    ///
    /// - Returns: whether there is one. If not, the item waits, and ``leave(_:)`` returns it later.
    mutating func enter(_ item: Item, at endpoint: String) -> Bool {
        if inFlight < limit, endpoints[endpoint, default: Endpoint()].inFlight < endpointLimit {
            inFlight += 1
            endpoints[endpoint, default: Endpoint()].inFlight += 1
            return true
        }
        endpoints[endpoint, default: Endpoint()].waiting.append(item)
        if endpoints[endpoint]?.waiting.count == 1, hasRoom(endpoint) { turns.append(endpoint) }
        return false
    }

    /// Releases a slot.
    ///
    /// - Returns: the items that now have a slot.
    mutating func leave(_ endpoint: String) -> [Item] {
        guard let left = endpoints[endpoint], left.inFlight > 0 else { return [] }
        inFlight -= 1
        if left.inFlight == 1, left.waiting.isEmpty {
            endpoints[endpoint] = nil
        } else {
            endpoints[endpoint]?.inFlight -= 1
            // The endpoint is already in ``turns``, unless it was waiting for this slot.
            if left.inFlight == endpointLimit, !left.waiting.isEmpty { turns.append(endpoint) }
        }
        return admit()
    }

    /// Removes and returns all waiting items.
    mutating func removeWaiting() -> [Item] {
        turns = []
        var removed: [Item] = []
        for name in endpoints.keys {
            while let item = endpoints[name]?.waiting.popFirst() { removed.append(item) }
        }
        return removed
    }

    private mutating func admit() -> [Item] {
        var admitted: [Item] = []
        while inFlight < limit, let name = turns.popFirst() {
            guard let item = endpoints[name]?.waiting.popFirst() else { continue }
            inFlight += 1
            endpoints[name]?.inFlight += 1
            admitted.append(item)
            if endpoints[name]?.waiting.isEmpty == false, hasRoom(name) { turns.append(name) }
        }
        return admitted
    }

    private func hasRoom(_ endpoint: String) -> Bool {
        endpoints[endpoint].map { $0.inFlight < endpointLimit } ?? true
    }
}
