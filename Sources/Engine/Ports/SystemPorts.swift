package import Contract
import FoundationEssentials
import Glibc
import Synchronization

/// A clock that starts with the machine's time at the start of the program, and then counts elapsed time.
///
/// It does not follow when the machine's clock is set. A step forward would make a create that is under way count as settled, and the
/// worker would create the service twice. A worker whose machine's clock was set by more than ``Clocks/tolerance`` reports it and is not
/// ready until it is restarted. Workers whose clocks differ by more than ``Clocks/tolerance`` do not share a store.
package struct SystemClock: EngineClock {
    private let start: Timestamp
    private let startInstant: ContinuousClock.Instant

    package init() {
        start = Timestamp(millisecondsSinceEpoch: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
        startInstant = .now
    }

    /// How far the machine's clock is ahead of this one, because it was set since the program started.
    package var lag: Duration { Self().start - now }

    package var now: Timestamp { start + startInstant.duration(to: .now) }

    package func sleep(until moment: Timestamp) async {
        // Cancellation ends the sleep early, which is what the protocol promises.
        try? await Task.sleep(for: max(moment - now, .zero))
    }
}

/// The system's random number generator.
package struct SystemEntropy: Entropy {
    package init() {}

    /// A UUID of version 4. Foundation's own opens `/dev/urandom` for each.
    package func eventID() -> String {
        var (high, low) = SystemEntropy.words.withLock { ($0.next(), $0.next()) }
        high = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return SystemEntropy.text(high, low)
    }

    /// The text of a UUID. Foundation's prints each byte with `snprintf`.
    private static func text(_ high: UInt64, _ low: UInt64) -> String {
        unsafe String(unsafeUninitializedCapacity: 36) { output in
            var position = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    unsafe output[position] = UInt8(ascii: "-")
                    position += 1
                }
                let value = UInt8(truncatingIfNeeded: (digit < 16 ? high : low) >> UInt64(60 - 4 * (digit % 16)) & 0xF)
                unsafe output[position] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
                position += 1
            }
            return position
        }
    }

    package func fraction() -> Double { SystemEntropy.words.withLock { Double.random(in: 0..<1, using: &$0) } }

    private static let words = Mutex(RandomWords())
}

/// The system's random numbers, which it asks for by the hundred: each request is a system call.
private struct RandomWords: RandomNumberGenerator {
    private var words: [UInt64] = []

    mutating func next() -> UInt64 {
        if let word = words.popLast() { return word }
        words = unsafe [UInt64](unsafeUninitializedCapacity: 256) { buffer, count in
            unsafe arc4random_buf(buffer.baseAddress!, buffer.count * MemoryLayout<UInt64>.stride)
            count = buffer.count
        }
        return words.removeLast()
    }
}
