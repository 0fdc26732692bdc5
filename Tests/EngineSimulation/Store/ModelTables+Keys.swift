import Contract
import Store

extension ModelTables {
    func checkKey(of sealed: [UInt8]) throws(StoreError) {
        guard let id = SealedForm.keyID(of: sealed), retiredKeys.contains(id) else { return }
        throw StoreError.keyRetired(id)
    }

    var keyUses: [String: KeyUse] {
        var uses: [String: KeyUse] = [:]
        for row in lanes {
            guard let id = row.state.connection.flatMap({ SealedForm.keyID(of: $0.wrappedKey) }) else { continue }
            uses[id, default: KeyUse()].credentials += 1
        }
        for job in jobs where job.finishedAt == nil {
            guard let id = job.payload.flatMap({ SealedForm.keyID(of: $0) }) else { continue }
            uses[id, default: KeyUse()].jobs += 1
        }
        for letter in letters {
            guard let id = letter.payload.flatMap({ SealedForm.keyID(of: $0) }) else { continue }
            uses[id, default: KeyUse()].letters += 1
        }
        return uses
    }

    mutating func rewrapKeys(
        after lane: Lane?,
        limit: Int,
        _ rewrap: (Lane, [UInt8]) -> [UInt8]?
    ) throws(StoreError) -> RewrapStep {
        func place(_ lane: Lane) -> (String, String) { (lane.tenant.description, lane.product.rawValue) }
        let chosen = lanes.indices
            .filter { index in lanes[index].state.connection != nil && lane.map { place(lanes[index].lane) > place($0) } ?? true }
            .sorted { place(lanes[$0].lane) < place(lanes[$1].lane) }
            .prefix(limit)
        var step = RewrapStep(last: chosen.count == limit ? chosen.last.map { lanes[$0].lane } : nil, seen: chosen.count, rewrapped: 0)
        for index in chosen {
            guard let old = lanes[index].state.connection?.wrappedKey, let new = rewrap(lanes[index].lane, old) else { continue }
            try checkKey(of: new)
            lanes[index].state.connection?.wrappedKey = new
            step.rewrapped += 1
        }
        return step
    }

    mutating func retireKey(_ id: String) -> KeyUse {
        let use = keyUses[id] ?? KeyUse()
        if use.isNone { retiredKeys.insert(id) }
        return use
    }
}
