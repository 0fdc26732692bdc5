import Contract
import Engine

/// The present moment, for commands.
enum SystemTime {
    static var now: Timestamp { SystemClock().now }
}
