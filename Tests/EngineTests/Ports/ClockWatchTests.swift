import Contract
import Logging
import Synchronization
import Testing

@testable import Engine

@Suite("The worker's clock and the machine's")
struct ClockWatchTests {
    @Test(arguments: [(0, nil), (10, nil), (-10, nil), (11, "forward by 11 s"), (-11, "back by 11 s"), (86_400, "forward by 86400 s")])
    func `a clock that was set by more than ten seconds is a problem until it is set back`(seconds: Int, trouble: String?) {
        let lag = Mutex<Duration>(.seconds(seconds))
        let watch = ClockWatch(log: Logger(label: "test")) { lag.withLock { $0 } }
        #expect(watch.trouble == nil)
        watch.look()
        #expect((watch.trouble == nil) == (trouble == nil))
        if let trouble { #expect(watch.trouble?.contains(trouble) == true) }
        lag.withLock { $0 = .seconds(1) }
        watch.look()
        #expect(watch.trouble == nil)
    }

    @Test func `a clock that is not set does not lag`() {
        let lag = SystemClock().lag
        #expect(abs(lag.wholeMilliseconds) < 5000)
    }
}
