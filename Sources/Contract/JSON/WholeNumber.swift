/// The value of a JSON number's text as a whole number of 64 bits, by exact arithmetic: `7`, `7.0`, `7e0` and `0.7E+1` are 7.
enum WholeNumber: Equatable {
    case value(Int64)
    /// It has decimal places that are not zero.
    case fraction
    /// It is whole, but does not fit 64 bits.
    case outOfRange

    /// - Parameter text: a number that is valid by JSON's grammar. The work is linear in its length.
    init(jsonNumber text: String) {
        if let value = Int64(text) {
            self = .value(value)
            return
        }
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let parts = text.utf8.dropFirst(isNegative ? 1 : 0)
            .split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }
        let halves = parts[0].split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        var digits = Array(halves.joined())
        // Dropping trailing zeros below moves the point to the right.
        var point = -(halves.count > 1 ? halves[1].count : 0)
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            point += 1
        }
        digits.removeSubrange(..<(digits.firstIndex { $0 != UInt8(ascii: "0") } ?? digits.endIndex))
        guard !digits.isEmpty else {
            self = .value(0)
            return
        }
        if parts.count > 1 {
            let isSmall = parts[1].first == UInt8(ascii: "-")
            // An exponent that does not fit an Int is larger than any number of digits here.
            guard let exponent = Int(Substring(parts[1])) else {
                self = isSmall ? .fraction : .outOfRange
                return
            }
            let (sum, hasOverflown) = point.addingReportingOverflow(exponent)
            guard !hasOverflown else {
                self = isSmall ? .fraction : .outOfRange
                return
            }
            point = sum
        }
        guard point >= 0 else {
            self = .fraction
            return
        }
        // 64 bits have 19 digits.
        guard point <= 19, digits.count + point <= 19,
            let value = Int64((isNegative ? "-" : "") + String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: point))
        else {
            self = .outOfRange
            return
        }
        self = .value(value)
    }
}

extension JSON {
    /// Describes a received value to its author: the type, but nothing of the value, which may be a secret.
    var typeInWords: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number(let text):
            switch WholeNumber(jsonNumber: text) {
            case .value: "a number"
            case .fraction: "a number with a fraction"
            case .outOfRange: "a number beyond 64 bits"
            }
        case .string(let text): text.isEmpty ? "an empty string" : "a string"
        case .brokenString: "a string with half a surrogate pair"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
