import Testing

@testable import Engine

@Suite("The slots for attempts")
struct LaneSlotsTests {
    private let slots = LaneSlots(line: WakeSignal())

    @Test func `what one has reserved, nobody else gets`() {
        #expect(slots.reserve(upTo: 6, of: 8) == 6)
        #expect(slots.reserve(upTo: 6, of: 8) == 2)
        #expect(slots.reserve(upTo: 6, of: 8) == 0)
        #expect(slots.running == 0)
    }

    @Test func `unused slots are free again`() {
        #expect(slots.reserve(upTo: 8, of: 8) == 8)
        slots.use(3, ofReserved: 8)
        #expect(slots.running == 3)
        #expect(slots.reserve(upTo: 9, of: 8) == 5)
        slots.use(5, ofReserved: 5)
        slots.free()
        #expect(slots.running == 7)
        #expect(slots.reserve(upTo: 9, of: 8) == 1)
    }

    @Test func `fewer slots than are in use leave none`() {
        #expect(slots.reserve(upTo: 8, of: 8) == 8)
        slots.use(8, ofReserved: 8)
        #expect(slots.reserve(upTo: 1, of: 2) == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `who found all slots reserved looks again once they are released`() async {
        #expect(slots.reserve(upTo: 8, of: 8) == 8)
        #expect(slots.reserve(upTo: 1, of: 8) == 0)
        slots.use(0, ofReserved: 8)
        #expect(await slots.line.wait())
        #expect(slots.reserve(upTo: 1, of: 8) == 1)
    }
}
