import Contract

extension Timestamp {
    /// Reads the moment from which on something is shown.
    ///
    /// - Parameters:
    ///   - argument: a date-time, or how long ago it is: `30m`, `24h` or `7d`.
    ///   - now: the time from which that is counted.
    /// - Throws: ``Failure`` for anything else.
    init(since argument: String, now: Timestamp) throws {
        if let moment = Timestamp(argument) {
            self = moment
        } else if let ago = Duration(text: argument) {
            self = now - ago
        } else {
            throw Failure(.usage, "\(argument) is no time.", hint: "Write it as 2026-11-01T00:00:00Z, or as 30m, 24h or 7d ago.")
        }
    }
}

extension Duration {
    /// - Parameter argument: `30m`, `24h` or `7d`.
    /// - Throws: ``Failure`` for anything else.
    init(argument: String) throws {
        guard let duration = Duration(text: argument) else {
            throw Failure(.usage, "\(argument) is no length of time.", hint: "Write it as 30m, 24h or 7d.")
        }
        self = duration
    }

    fileprivate init?(text: String) {
        let units: [Character: Int64] = ["m": 60, "h": 3600, "d": 86_400]
        let count = text.dropLast()
        guard let unit = text.last.flatMap({ units[$0] }), count.utf8.allSatisfy(\.isASCIIDigit), let number = Int32(count) else {
            return nil
        }
        self = .seconds(Int64(number) * unit)
    }
}

extension UInt8 {
    fileprivate var isASCIIDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
