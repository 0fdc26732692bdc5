package import Contract

/// Dead letters of one cause and tenant.
package struct LetterGroup: Hashable, Sendable {
    package var cause: FailureCause
    package var tenant: TenantID?
    package var count: Int
    /// How many of them can be redriven.
    package var redrivable: Int
    package var first: Timestamp
    package var last: Timestamp
    /// The id of the newest.
    package var example: Int64

    fileprivate struct Key: Hashable {
        let fingerprint: String
        let tenant: TenantID?
    }

    /// An empty group, to which the letter belongs.
    fileprivate init(of kept: KeptLetter) {
        cause = kept.letter.cause
        tenant = kept.letter.tenant
        count = 0
        redrivable = 0
        first = kept.letter.at
        last = kept.letter.at
        example = kept.id
    }

    fileprivate mutating func take(_ kept: KeptLetter) {
        count += 1
        if kept.obstacle == nil { redrivable += 1 }
        first = min(first, kept.letter.at)
        last = max(last, kept.letter.at)
        example = max(example, kept.id)
    }
}

extension DeadLetters {
    /// Calls `body` with each letter that is meant, the oldest first. One that comes meanwhile may be among them or not.
    package func forEachLetter(_ selection: LetterSelection, _ body: (KeptLetter) async throws -> Void) async throws {
        let page = 1000
        var last: Int64 = 0
        while true {
            let letters = try await letters(selection, after: last, limit: page)
            for letter in letters { try await body(letter) }
            guard letters.count == page, let end = letters.last else { return }
            last = end.id
        }
    }

    /// Dead letters by fingerprint and tenant, the group with the newest letter first.
    package func letterGroups(_ selection: LetterSelection) async throws -> [LetterGroup] {
        var groups: [LetterGroup.Key: LetterGroup] = [:]
        try await forEachLetter(selection) { kept in
            let key = LetterGroup.Key(fingerprint: kept.letter.cause.fingerprint, tenant: kept.letter.tenant)
            groups[key, default: LetterGroup(of: kept)].take(kept)
        }
        return groups.values.sorted { $0.example > $1.example }
    }
}
