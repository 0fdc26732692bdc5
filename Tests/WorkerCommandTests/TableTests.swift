import Contract
import Store
import Testing

@testable import autotask_worker

/// Tables: columns that are aligned by what a terminal shows, and CSV that no spreadsheet takes for formulas.
struct TableTests {
    private static let columns: [Table.Column] = [
        .init("ID", "id", .id), .init("NAME", "name"), .init("COUNT", "count", .number), .init("REASON", "reason", .words),
        .init(nil, "at", .time),
    ]

    private func table(_ rows: [(String, String, Int, String)]) -> Table {
        Table(
            columns: TableTests.columns,
            rows: rows.map { Table.Row(cells: [.text($0.0), .text($0.1), .init($0.2), .text($0.3), .time(now)]) }
        )
    }

    private func lines(_ table: Table, width: Int? = nil) -> [String] { plain(table.lines(in: .init(width: width, now: nil))) }

    // MARK: Width

    @Test(
        "A text is as wide as a terminal shows it",
        arguments: [
            ("abc", 3), ("", 0), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("✓", 1), ("✅", 2), ("한국", 4), ("\u{1100}\u{1161}", 2), ("Ａ", 2),
            ("🦀", 2), ("ﾊ", 1), ("–…", 2), ("\u{20000}", 2), ("א", 1), ("z\u{330}\u{330}\u{330}", 1),
        ]
    )
    func widths(text: String, width: Int) {
        #expect(text.displayWidth == width)
    }

    @Test(
        "Padding counts what a terminal shows",
        arguments: [("日本", "日本  "), ("e\u{301}", "e\u{301}     "), ("\u{200B}", "<U+200B>"), ("\u{1B}", "␛     ")]
    )
    func padding(text: String, shown: String) {
        #expect(TerminalText(text.padded(6)).description == shown)
    }

    // MARK: Text

    @Test("Columns are aligned below their header, numbers to the right, whatever the glyphs are")
    func alignment() {
        let table = table([("a", "日本", 7, "x"), ("bcd", "e\u{301}e", 1200, "y"), ("e", "a\u{1B}[2J\u{202E}", 1, "–")])
        #expect(
            lines(table) == [
                "ID   NAME           COUNT  REASON",
                "a    日本               7  x",
                "bcd  e\u{301}e              1200  y",
                "e    a␛[2J<U+202E>      1  –",
            ]
        )
    }

    @Test("A table without rows has its header")
    func noRows() {
        #expect(lines(table([])) == ["ID  NAME  COUNT  REASON"])
    }

    @Test("Outside a terminal nothing is cut, and times are in full")
    func full() {
        let reason = String(repeating: "word ", count: 60) + "end"
        #expect(lines(table([("a", "n", 1, reason)]))[1] == "a   n         1  \(reason)")
        let times = Table(columns: [.init("AT", "at", .time)], rows: [Table.Row(cells: [.time(now)])])
        #expect(lines(times) == ["AT", "2026-11-30T12:00:00.000Z"])
        #expect(plain(times.lines(in: .init(width: 80, now: now + .seconds(180)))) == ["AT", "3 min ago"])
    }

    @Test("On a terminal the flexible column gives way first, between words", arguments: [80, 120])
    func flexible(width: Int) {
        let id = "0193b0a2-5c1e-7d3f-9a51-0f6c2a9b7e11"
        let reason = "attempts_spent sync autotask_unavailable and further words that nobody can read on a line of a terminal that ends"
        let shown = lines(table([(id, "msp-4711", 12, reason)]), width: width)
        #expect(shown.allSatisfy { $0.displayWidth <= width })
        #expect(shown[1].hasPrefix("\(id)  msp-4711     12  attempts_spent"))
        let kept = shown[1].split(separator: "  ").last.map(String.init) ?? ""
        #expect(kept.hasSuffix("…") && reason.hasPrefix(kept.dropLast() + " "), "the end of a word is missing")
    }

    @Test("A word that is longer than the column is cut, and a wide glyph is never halved")
    func longWord() {
        let shown = lines(table([("a", "n", 1, String(repeating: "日", count: 40))]), width: 40)
        #expect(shown[1] == "a   n         1  " + String(repeating: "日", count: 11) + "…")
        #expect(shown[1].displayWidth == 40)
    }

    @Test("On a narrow terminal names give way too, and ids and numbers never")
    func narrow() {
        let shown = lines(table([("0193b0a2-5c1e", "a-very-long-name", 123_456, "attempts_spent sync")]), width: 45)
        #expect(shown[1] == "0193b0a2-5c1e  a-very-…  123456  attempts_sp…" && shown[1].displayWidth == 45)
        let narrowest = lines(table([("0193b0a2-5c1e", "a-very-long-name", 123_456, "attempts_spent sync")]), width: 10)
        #expect(narrowest == shown)
    }

    @Test("Details are below their row, in full")
    func details() {
        let row = Table.Row(cells: [.text("a")], details: ["    " + String(repeating: "x", count: 90)])
        let table = Table(columns: [.init("ID", "id", .id)], rows: [row])
        #expect(lines(table, width: 20) == ["ID", "a", "    " + String(repeating: "x", count: 90)])
    }

    // MARK: Times

    @Test(
        "An age has one unit",
        arguments: [
            (0, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (3599, "59 min ago"), (3600, "1 h ago"), (172_799, "47 h ago"),
            (172_800, "2 days ago"), (8_640_000, "2026-08-22"), (-90, "in 1 min"),
        ]
    )
    func ages(seconds: Int, age: String) {
        #expect((now - .seconds(seconds)).age(at: now) == age)
    }

    // MARK: CSV

    @Test("CSV has a header with the names of JSON, full values, and lines that end in CRLF")
    func csv() {
        let records = table([("a", "b,\"c\"", 3, "d e")]).records.map { "\(TerminalText($0))" }
        #expect(records == ["id,name,count,reason,at\r", "a,\"b,\"\"c\"\"\",3,\"d e\",2026-11-30T12:00:00.000Z\r"])
    }

    @Test(
        "A field is no formula, unless it is a number",
        arguments: [
            ("=1+1", "\"'=1+1\""), ("@SUM(A1)", "\"'@SUM(A1)\""), ("+cmd", "\"'+cmd\""), ("-x", "\"'-x\""), (" =1", "\"' =1\""),
            ("＝1", "\"'＝1\""),
            ("-1.50", "-1.50"), ("+3", "+3"), ("1e-7", "1e-7"), ("-", "\"'-\""), ("-1-1", "\"'-1-1\""), ("a=b", "a=b"), ("", ""),
            ("a;b", "\"a;b\""), ("it's", "\"it's\""), ("\"", "\"\"\"\""),
        ]
    )
    func formulas(text: String, field: String) {
        #expect(CSVRecord.field(text) == field)
    }

    @Test("CSV shows control and hidden characters as a line does")
    func foreignCSV() {
        let record = CSVRecord(fields: ["a\u{1B}[2J", "b\nc", "\t=1", "\u{202E}x", "\u{200B}=1"])
        #expect("\(TerminalText(record))" == "a␛[2J,b␊c,␉=1,<U+202E>x,<U+200B>=1\r")
    }

    // MARK: The lists

    @Test("Every list has a cell for each column, and CSV names are those of its JSON")
    func lists() {
        let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)
        let overview = LaneOverview(
            lane: lane,
            epoch: 2,
            connection: .connected,
            isEnabled: true,
            waitingJobs: 3,
            services: 4,
            syncedServices: 1,
            heldUpBy: "rate_limited"
        )
        let entry = AuditEntry(at: now, action: "write.sent", actor: "user:0", tenant: "msp-1", product: "workplace", facts: "{\"a\":1}")
        let row = AuditListing(audited: AuditRow(number: 1, entry: entry, mac: []), details: .open(["after": ["name": "x"]]))
        expectConsistent(overview)
        expectConsistent(row)
        #expect(
            Table(columns: LaneOverview.columns, rows: [overview.row]).records.last?.fields
                == ["msp-1", "workplace", "2", "connected", "rate_limited", "", "true", "4", "1", "3"]
        )
        #expect(row.row.details == ["    a=1", "    name: x"])
    }

    private func expectConsistent(_ element: some ListElement) {
        #expect(element.row.cells.count == type(of: element).columns.count)
        let members = element.json.object?.members.map(\.name) ?? []
        #expect(type(of: element).columns.compactMap(\.name).filter { !members.contains($0) } == [])
    }

    private func plain(_ lines: [String]) -> [String] {
        lines.map { String(TerminalText($0).description.replacing(/\u{1B}\[[0-9]*m/, with: "")) }
    }
}
