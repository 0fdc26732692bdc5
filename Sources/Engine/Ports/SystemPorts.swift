package import Contract
import FoundationEssentials
import Synchronization

/// The machine's own clock.
package struct SystemClock: EngineClock {
    package init() {}

    package var now: Timestamp {
        Timestamp(millisecondsSinceEpoch: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
    }

    package func sleep(until moment: Timestamp) async {
        // Cancellation ends the sleep early, which is what the protocol promises.
        try? await Task.sleep(for: max(moment - now, .zero))
    }
}

/// The system's random number generator.
package struct SystemEntropy: Entropy {
    package init() {}

    package func eventID() -> String { UUID().uuidString.lowercased() }

    package func fraction() -> Double { Double.random(in: 0..<1) }
}
