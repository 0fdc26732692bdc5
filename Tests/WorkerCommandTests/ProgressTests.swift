import Contract
import Store
import Testing

@testable import autotask_worker

/// The progress of long commands: how much, how fast, how long still.
struct ProgressTests {
    @Test(
        "A line has count, rate and the remaining time",
        arguments: [
            (0, 100, 0, "0 of 100 rows"), (50, 100, 5, "50 of 100 rows, 10/s, 5 s left"), (1, 100, 4, "1 of 100 rows, 0.2/s, 6 min left"),
            (100, 100, 10, "100 of 100 rows, 10/s, 0 s left"), (120, 100, 10, "100 of 100 rows, 12/s, 0 s left"),
            (30, nil, 3, "30 rows, 10/s"),
            (1, 1_000_000, 10, "1 of 1000000 rows, 0.1/s, 2777 h left"),
        ] as [(Int, Int?, Int, String)]
    )
    func lines(done: Int, total: Int?, seconds: Int, line: String) {
        #expect(ProgressReport(things: "rows", total: total, done: done).line(after: .seconds(seconds)) == line)
    }

    @Test("A bar fits its terminal, and is left out where there is no room", arguments: [20, 40, 80, 200])
    func bars(width: Int) {
        let bar = ProgressReport(things: "rows", total: 100, done: 50).bar(after: .seconds(5), width: width)
        #expect(bar.displayWidth < width)
        #expect(bar.contains("█") == (width >= 80))
        #expect(bar.contains("50 %") == (width >= 80))
    }

    @Test("Half of the work is half of the bar")
    func halves() {
        let bar = ProgressReport(things: "rows", total: 100, done: 50).bar(after: .seconds(5), width: 200)
        #expect(bar.count { $0 == "█" } == 20 && bar.count { $0 == "░" } == 20)
    }

    @Test("It is shown after each interval, not more often")
    func pace() {
        var pace = ProgressPace(every: .seconds(10))
        let due = [0, 9, 10, 11, 19, 20, 45, 54, 55].map { pace.isDue(at: .seconds($0)) }
        #expect(due == [false, false, true, false, false, true, true, false, true])
    }

    @Test("A page of the log shows how far it is")
    func pages() {
        let rows = [AuditRow(number: 150, entry: AuditEntry(at: now, action: "a", actor: "b", facts: "{}"), mac: [])]
        func mark(_ end: AuditMark.End, _ number: Int64) -> AuditMark {
            AuditMark(end: end, place: AuditPlace(number: number, mac: []), tag: [])
        }
        #expect(AuditPage(rows: rows, head: mark(.head, 300), anchor: mark(.anchor, 100)).progress == (50, 200))
        #expect(AuditPage(rows: [], head: mark(.head, 300), anchor: nil).progress == (300, 300))
        #expect(AuditPage(rows: [], head: nil, anchor: nil).progress == (0, 0))
    }
}
