import Contract
import HTTP
import Testing

@testable import Engine

@Suite("The offset of the worker's clock")
struct ClockOffsetTests {
    private let offset = ClockOffset()
    private let begin = ContinuousClock.now
    private let now = Timestamp("2026-11-30T12:00:00Z")!

    /// Notes an answer that arrives some seconds after the first one, with this date.
    private func note(_ date: String?, after seconds: Int = 0, status: Int = 200) {
        let response = HTTPResponse(status: status, headers: date.map { [(name: "Date", value: $0)] } ?? [])
        offset.note(response, at: now + .seconds(seconds), on: begin + .seconds(seconds))
    }

    private func date(_ time: String) -> String { "Mon, 30 Nov 2026 \(time) GMT" }

    @Test func `it is unknown before the first answer with a usable date`() {
        #expect(offset.median == nil)
        note(nil)
        note("yesterday", after: 2)
        #expect(offset.median == nil)
    }

    @Test func `a clock that is ahead has a positive offset`() {
        note(date("11:59:15"))
        #expect(offset.median == .milliseconds(44_500))
        note(date("12:00:47"), after: 2)
        note(date("12:00:49"), after: 4)
        #expect(offset.median == .milliseconds(-45_500))
    }

    @Test func `one answer with a wrong date does not move it`() {
        for second in 0..<5 { note(date("12:00:0\(second)"), after: second) }
        note(date("03:00:00"), after: 6)
        #expect(offset.median == .milliseconds(-500))
    }

    @Test func `one answer a second counts, and only the last twenty`() {
        note(date("11:00:00"))
        note(date("12:00:00"))
        #expect(offset.median == .milliseconds(3_599_500))
        for second in 1...20 { note(date("12:00:\(second < 10 ? "0" : "")\(second)"), after: second) }
        #expect(offset.median == .milliseconds(-500))
    }
}
