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

/// The groups of the newest dead letters.
package struct LetterTable: Sendable {
    /// How many letters are looked at by default.
    package static let reach = 2000

    package var groups: [LetterGroup]
    /// How many letters were looked at.
    package var looked: Int
    /// Whether there are no older letters.
    package var isComplete: Bool
}

/// Selected ones of some dead letters, the newest first.
package struct LetterPage: Sendable {
    package var letters: [KeptLetter]
    /// How many letters were looked at.
    package var looked: Int
    /// Before which id to go on; `nil` at the end.
    package var next: Int64?

    package init(letters: [KeptLetter], looked: Int, next: Int64?) {
        self.letters = letters
        self.looked = looked
        self.next = next
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

    /// Calls `body` with the selected letters of each page, the newest first. The first page is small, so that it comes soon.
    package func forEachPage(of selection: LetterSelection, _ body: ([KeptLetter]) throws -> Void) async throws {
        var (next, reach): (Int64?, Int) = (.max, 100)
        while let id = next {
            let page = try await letters(selection, before: id, looking: reach)
            try body(page.letters)
            (next, reach) = (page.next, 500)
        }
    }

    /// Groups the newest dead letters by fingerprint and tenant. The group with the newest letter comes first.
    ///
    /// - Parameter reach: how many letters are looked at.
    package func letterGroups(_ selection: LetterSelection, looking reach: Int) async throws -> LetterTable {
        var groups: [LetterGroup.Key: LetterGroup] = [:]
        var (looked, next): (Int, Int64?) = (0, .max)
        while let id = next, looked < reach {
            let page = try await letters(selection, before: id, looking: min(reach - looked, 500))
            for kept in page.letters {
                let key = LetterGroup.Key(fingerprint: kept.letter.cause.fingerprint, tenant: kept.letter.tenant)
                groups[key, default: LetterGroup(of: kept)].take(kept)
            }
            looked += page.looked
            next = page.next
        }
        return LetterTable(groups: groups.values.sorted { $0.example > $1.example }, looked: looked, isComplete: next == nil)
    }
}
