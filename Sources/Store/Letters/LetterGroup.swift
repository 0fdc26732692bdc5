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
    /// The id of the newest letter.
    package var example: Int64

    fileprivate struct Key: Hashable {
        let fingerprint: String
        let tenant: TenantID?
    }

    /// Creates an empty group for letters like this one.
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
    /// Calls `body` with each selected letter, oldest first. Letters that arrive meanwhile may or may not be included.
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

    /// Groups dead letters by fingerprint and tenant. The group with the newest letter comes first.
    package func letterGroups(_ selection: LetterSelection) async throws -> [LetterGroup] {
        var groups: [LetterGroup.Key: LetterGroup] = [:]
        try await forEachLetter(selection) { kept in
            let key = LetterGroup.Key(fingerprint: kept.letter.cause.fingerprint, tenant: kept.letter.tenant)
            groups[key, default: LetterGroup(of: kept)].take(kept)
        }
        return groups.values.sorted { $0.example > $1.example }
    }
}
