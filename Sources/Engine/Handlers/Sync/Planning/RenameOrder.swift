/// In which order services take their names, when one is to have a name that another gives up in the same batch (`Rules` A13).
///
/// Names are unique at every moment. Where services wait for each other in a circle, one of them takes a temporary name first, and so lets the
/// next one have its own; its turn with its final name comes at the end of the circle, with nothing in between that is not part of it.
struct RenameOrder {
    enum Turn: Hashable {
        /// The service at this place takes a temporary name.
        case detour(Int)
        /// The service at this place becomes what the plan wants.
        case write(Int)
    }

    /// Every place in the plan, each after those that it waits for, and otherwise as in the plan.
    private(set) var turns: [Turn] = []
    /// By place, how many of those that it waits for have not given up their names.
    private var waitsFor: [Int: Int]
    /// By place, who waits for its name.
    private var frees: [Int: [Int]] = [:]
    private var isDone: [Bool]

    /// - Parameter prerequisites: by place, the places that have to give up their names before.
    init(count: Int, prerequisites: [Int: [Int]]) {
        waitsFor = prerequisites.mapValues(\.count)
        isDone = Array(repeating: false, count: count)
        turns.reserveCapacity(count)
        guard !prerequisites.isEmpty else {
            for place in 0..<count { turns.append(.write(place)) }
            return
        }
        for (place, others) in prerequisites { for other in others { frees[other, default: []].append(place) } }
        for start in 0..<count where !isDone[start] && waitsFor[start, default: 0] == 0 {
            // One that stands later in the plan has its turn there, unless the turn is over.
            write([start], before: start)
        }
        while let start = isDone.firstIndex(of: false) {
            let place = circle(from: start, prerequisites)
            turns.append(.detour(place))
            write(release(place), before: count)
            // Whatever waits for it got its name by now.
            frees[place] = nil
        }
    }

    /// Gives places their turn, and those after them that waited for nobody else.
    ///
    /// - Parameter end: places from here on are left for later.
    private mutating func write(_ places: [Int], before end: Int) {
        var ready = places
        while let place = ready.popLast() {
            isDone[place] = true
            turns.append(.write(place))
            ready += release(place).filter { $0 < end }
        }
    }

    /// A place gives up its name.
    ///
    /// - Returns: who can take a turn now, the first one last.
    private mutating func release(_ place: Int) -> [Int] {
        guard let waiting = frees.removeValue(forKey: place) else { return [] }
        return waiting.sorted(by: >).filter { next in
            waitsFor[next, default: 0] -= 1
            return waitsFor[next] == 0 && !isDone[next]
        }
    }

    /// The first place of a circle that a place waits for, over others. There is one: whoever is not done waits for another who is not.
    private func circle(from start: Int, _ prerequisites: [Int: [Int]]) -> Int {
        var path: [Int] = []
        var seen: Set<Int> = []
        var place = start
        while seen.insert(place).inserted {
            path.append(place)
            guard let next = prerequisites[place, default: []].first(where: { !isDone[$0] }) else { return place }
            place = next
        }
        return path.drop { $0 != place }.min() ?? place
    }
}
