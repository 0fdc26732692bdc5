/// The order in which services take their names when one takes a name that another gives up in the same batch (`Rules` A13).
///
/// Names are unique at every moment. If services wait for each other in a circle, one of them first takes a temporary name, which frees its
/// name for the next. It takes its final name at the end of the circle. No service outside the circle has a turn in between.
struct RenameOrder {
    enum Turn: Hashable {
        /// The service at this plan index takes a temporary name.
        case detour(Int)
        /// The service at this plan index becomes what the plan wants.
        case write(Int)
    }

    /// The turns of all services: each after those that it waits for, otherwise in the plan's order.
    private(set) var turns: [Turn] = []
    /// By plan index, how many of the services that it waits for have not given up their names.
    private var waitsFor: [Int: Int]
    /// By plan index, the services that wait for its name.
    private var frees: [Int: [Int]] = [:]
    private var isDone: [Bool]

    /// - Parameter prerequisites: by plan index, the indices of services that have to give up their names first.
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
            // A waiting service later in the plan has its turn when the loop reaches it, an earlier one now.
            write([start], before: start)
        }
        while let start = isDone.firstIndex(of: false) {
            let place = circle(from: start, prerequisites)
            turns.append(.detour(place))
            write(release(place), before: count)
            // The services that waited for its name have had their turns.
            frees[place] = nil
        }
    }

    /// Gives services their turns, and then those that waited for no others.
    ///
    /// - Parameter end: indices from here on are left for later.
    private mutating func write(_ places: [Int], before end: Int) {
        var ready = places
        while let place = ready.popLast() {
            isDone[place] = true
            turns.append(.write(place))
            ready += release(place).filter { $0 < end }
        }
    }

    /// Gives up the name of a service.
    ///
    /// - Returns: the services that can have a turn now, in reverse order.
    private mutating func release(_ place: Int) -> [Int] {
        guard let waiting = frees.removeValue(forKey: place) else { return [] }
        return waiting.sorted(by: >).filter { next in
            waitsFor[next, default: 0] -= 1
            return waitsFor[next] == 0 && !isDone[next]
        }
    }

    /// The lowest index of a circle that a service waits for, directly or through others. There is one, because every unfinished service
    /// waits for another.
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
