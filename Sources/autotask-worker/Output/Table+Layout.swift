import Contract

extension Table {
    /// The place in which text is shown.
    struct Layout {
        /// The number of columns of the terminal; `nil` outside a terminal, where nothing is cut.
        let width: Int?
        /// The present time, from which a terminal shows ages; `nil` to show full times in UTC.
        let now: Timestamp?

        /// The layout of a file or a pipe: everything in full.
        static let full = Layout(width: nil, now: nil)
    }

    /// The number of blanks between two columns.
    private static let gap = 2
    /// A column of words, or of names, is not cut below this width.
    private static let narrowest = (words: 12, name: 8)

    /// The header, and each row with its details.
    func lines(in layout: Layout) -> [String] {
        let shown = columns.indices.filter { columns[$0].title != nil }
        let titles = shown.map { columns[$0].title ?? "" }
        let texts = rows.map { row in shown.map { row.cells[$0].text(in: layout) } }
        var widths = titles.indices.map { place in max(titles[place].displayWidth, texts.map { $0[place].displayWidth }.max() ?? 0) }
        let kinds = shown.map { columns[$0].kind }
        if let width = layout.width { Table.fit(&widths, kinds, into: width) }

        func line(_ texts: [String], _ styles: [Terminal.Style?]) -> String {
            let fields = texts.indices.map { place in
                let text = texts[place].cut(to: widths[place], betweenWords: kinds[place] == .words)
                let blanks = String(repeating: " ", count: max(widths[place] - text.displayWidth, 0))
                let styled = styles[place].map { Terminal.styled(text, $0) } ?? text
                if kinds[place] == .number { return blanks + styled }
                return place == texts.count - 1 ? styled : styled + blanks
            }
            return fields.joined(separator: String(repeating: " ", count: Table.gap))
        }
        return [line(titles, titles.map { _ in .dim })]
            + zip(rows, texts).flatMap { row, texts in [line(texts, shown.map { row.cells[$0].style })] + row.details }
    }

    /// Makes the flexible column narrower, then the widest columns of names. What is left too wide continues on the next line.
    private static func fit(_ widths: inout [Int], _ kinds: [Column.Kind], into limit: Int) {
        var excess = widths.reduce(0, +) + gap * (widths.count - 1) - limit
        for place in kinds.indices where kinds[place] == .words {
            let share = min(max(excess, 0), max(widths[place] - narrowest.words, 0))
            widths[place] -= share
            excess -= share
        }
        while excess > 0,
            let widest = kinds.indices.filter({ kinds[$0] == .name && widths[$0] > narrowest.name }).max(by: { widths[$0] < widths[$1] })
        {
            widths[widest] -= 1
            excess -= 1
        }
    }
}

extension Table.Cell {
    /// The text as a terminal shows it.
    fileprivate func text(in layout: Table.Layout) -> String {
        switch self {
        case .absent: "–"
        case .text(let text, _): TerminalText(text).description
        case .number(let number): "\(number)"
        case .time(let moment): layout.now.map { moment.age(at: $0) } ?? moment.description
        }
    }

    fileprivate var style: Terminal.Style? {
        guard case .text(_, let style) = self else { return nil }
        return style
    }
}

extension String {
    /// The text, or its beginning and `…` if it is wider.
    fileprivate func cut(to width: Int, betweenWords: Bool) -> String {
        guard displayWidth > width else { return self }
        var kept = ""
        var taken = 0
        for character in self {
            taken += String(character).displayWidth
            guard taken < width else { break }
            kept.append(character)
        }
        // A word that begins in the first half of the place is cut: otherwise almost nothing would be left.
        if betweenWords, let space = kept.lastIndex(of: " "), kept[..<space].displayWidth >= width / 2 { kept = String(kept[..<space]) }
        return kept + "…"
    }
}

extension Timestamp {
    /// How long ago it was, for a person: `3 min ago`; the date after 100 days.
    func age(at now: Timestamp) -> String {
        let seconds = abs((now - self).components.seconds)
        let age: String
        switch seconds {
        case ..<60: age = "\(seconds) s"
        case ..<3600: age = "\(seconds / 60) min"
        case ..<172_800: age = "\(seconds / 3600) h"
        case ..<8_640_000: age = "\(seconds / 86_400) days"
        default: return String(description.prefix(10))
        }
        return self > now ? "in \(age)" : "\(age) ago"
    }
}
