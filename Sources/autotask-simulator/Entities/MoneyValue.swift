import Contract
import FoundationEssentials

/// An amount as in SQL Server's `money`: exact, with four decimal places. Further places are rounded half away from zero.
///
/// It is inferred that the real API keeps four places: no measurement is published. The simulator does not use the worker's
/// `Contract.Money`, because it checks what the worker sends, and writes amounts in another form.
struct MoneyValue: Hashable, Comparable, Sendable {
    let tenThousandths: Int64

    static let zero = MoneyValue(tenThousandths: 0)

    init(tenThousandths: Int64) {
        self.tenThousandths = tenThousandths
    }

    /// Reads a JSON number, also with an exponent; `nil` for anything else, and for a value that no `money` column can hold.
    init?(_ text: String) {
        let parts = text.lowercased().split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
        guard let mantissa = parts.first, let exponent = parts.count == 2 ? Int(parts[1]) : 0, abs(exponent) <= 40 else { return nil }
        let isNegative = mantissa.hasPrefix("-")
        let halves = mantissa.drop { $0 == "-" || $0 == "+" }.split(separator: ".", omittingEmptySubsequences: false)
        guard halves.count <= 2, let whole = halves.first, !whole.isEmpty else { return nil }
        let digits = whole + (halves.count == 2 ? halves[1] : "")
        guard digits.count <= 30, digits.allSatisfy({ $0.isASCII && $0.isNumber }), var value = Int128(digits) else { return nil }

        var places = digits.count - whole.count - exponent
        while places < 4 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            value = product
            places += 1
        }
        var remainder: Int128 = 0
        while places > 4 {
            remainder = value % 10
            value /= 10
            places -= 1
        }
        if remainder >= 5 { value += 1 }
        guard let tenThousandths = Int64(exactly: isNegative ? -value : value) else { return nil }
        self.init(tenThousandths: tenThousandths)
    }

    static func < (left: MoneyValue, right: MoneyValue) -> Bool { left.tenThousandths < right.tenThousandths }

    /// The amount as Autotask writes it: `34.55`, and `0.0` rather than `0`.
    var text: String {
        let magnitude = tenThousandths.magnitude
        let padded = String(magnitude % 10_000 + 10_000).dropFirst()
        let fraction = padded.prefix(4 - (padded.reversed().firstIndex { $0 != "0" } ?? 3))
        return "\(tenThousandths < 0 ? "-" : "")\(magnitude / 10_000).\(fraction)"
    }
}

extension MoneyValue: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let money = MoneyValue(try container.decode(Decimal.self).description) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "Not an amount of money.")
        }
        self = money
    }
}
