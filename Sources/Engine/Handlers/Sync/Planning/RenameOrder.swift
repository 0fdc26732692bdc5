/// In which order services take their names, when one is to have a name that another gives up in the same batch (`rules.md` A13).
struct RenameOrder {
    /// Every place in the plan, each after those that it waits for, and otherwise as in the plan.
    private(set) var order: [Int]
    /// Places that wait for each other in a circle, rising: no order lets them take their names.
    private(set) var cyclic: [Int] = []

    /// - Parameter prerequisites: by place, the places that have to be done before.
    init(count: Int, prerequisites: [Int: [Int]]) {
        order = []
        order.reserveCapacity(count)
        guard !prerequisites.isEmpty else {
            order.append(contentsOf: 0..<count)
            return
        }
        var waitsFor = prerequisites.mapValues(\.count)
        var frees: [Int: [Int]] = [:]
        for (place, others) in prerequisites { for other in others { frees[other, default: []].append(place) } }
        var isDone = Array(repeating: false, count: count)
        for start in 0..<count {
            var ready = isDone[start] || waitsFor[start, default: 0] > 0 ? [] : [start]
            while let place = ready.popLast() {
                isDone[place] = true
                order.append(place)
                for next in frees[place, default: []].sorted(by: >) {
                    waitsFor[next, default: 0] -= 1
                    // One that stands later in the plan has its turn there, unless the turn is over.
                    if waitsFor[next] == 0, next < start { ready.append(next) }
                }
            }
        }
        guard order.count < count else { return }
        cyclic = RenameOrder.circles(among: (0..<count).filter { !isDone[$0] }, prerequisites)
    }

    /// Of places that were never ready, those that wait, over others, for themselves.
    private static func circles(among places: [Int], _ prerequisites: [Int: [Int]]) -> [Int] {
        places.filter { start in
            var seen: Set<Int> = []
            var ahead = prerequisites[start, default: []]
            while let place = ahead.popLast() {
                if place == start { return true }
                if seen.insert(place).inserted { ahead += prerequisites[place, default: []] }
            }
            return false
        }
    }
}
