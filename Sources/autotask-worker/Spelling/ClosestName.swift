extension [String] {
    /// The name that another one likely misspells: one letter in four may be wrong, at most three.
    func closest(to name: String) -> String? {
        map { (name: $0, distance: name.distance(to: $0)) }
            .filter { $0.distance <= Swift.min(3, $0.name.count / 4) }
            .min { $0.distance < $1.distance }?.name
    }
}

extension String {
    /// The number of letters to change, add, remove or swap with their neighbour (optimal string alignment).
    fileprivate func distance(to other: String) -> Int {
        let (left, right) = (Array(utf8), Array(other.utf8))
        guard abs(left.count - right.count) <= 3 else { return .max }
        var before: [Int] = []
        var last = Array(0...right.count)
        for i in 1...max(left.count, 1) where !left.isEmpty {
            var row = [i]
            for j in 1...max(right.count, 1) where !right.isEmpty {
                var best = Swift.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1))
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] { best = Swift.min(best, before[j - 2] + 1) }
                row.append(best)
            }
            (before, last) = (last, row)
        }
        return last[right.count]
    }
}
