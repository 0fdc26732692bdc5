/// An amount of money, exact to four decimal places. Never a binary floating point number, from the job to the wire and back.
///
/// The currency is Autotask's own: amounts are sent as they were typed (`rules.md` A24).
package struct Money: Hashable, Comparable, Sendable {
    /// The amount in ten-thousandths.
    package let tenThousandths: Int64

    package init(tenThousandths: Int64) { self.tenThousandths = tenThousandths }

    package static func < (left: Money, right: Money) -> Bool { left.tenThousandths < right.tenThousandths }

    /// An amount as a job carries it: `^\d{1,12}(\.\d{1,4})?$`. `nil` for anything else: a sign, an exponent, a fifth decimal place.
    package init?(contract text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard (1...12).contains(parts[0].count), parts.count == 1 || (1...4).contains(parts[1].count) else { return nil }
        var value: Int64 = 0
        for digit in parts.joined() {
            guard digit.isASCIIDigit else { return nil }
            value = value * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        for _ in (parts.count == 1 ? 0 : parts[1].count)..<4 { value *= 10 }
        tenThousandths = value
    }

    /// An amount from the text of a JSON number, as Autotask sends it, rounded half away from zero at the fourth decimal place.
    ///
    /// `nil` when it is too large to be money (beyond 14 digits before the point).
    package init?(jsonNumber text: String) {
        var value: Int64 = 0
        // How many digits stand behind the point, and the first of them that is not kept.
        var places = 0
        var firstCut: UInt8 = 0
        var hasPoint = false
        var digits = 0
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest.removeFirst() }
        while let byte = rest.first, byte.isASCIIDigit || byte == UInt8(ascii: ".") {
            rest.removeFirst()
            guard byte != UInt8(ascii: ".") else {
                guard !hasPoint else { return nil }
                hasPoint = true
                continue
            }
            digits += 1
            guard value < 10_000_000_000_000_000 else {
                // Decimal places this far behind decide nothing.
                if hasPoint { continue } else { return nil }
            }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            if hasPoint { places += 1 }
        }
        guard digits > 0 else { return nil }
        if let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E"), let exponent = Int(Substring(rest)), exponent.magnitude < 100
            else { return nil }
            places -= exponent
        }
        while places < 4, value != 0 {
            guard value < 100_000_000_000_000_000 else { return nil }
            value *= 10
            places += 1
        }
        while places > 4, value != 0 || firstCut != 0 {
            firstCut = UInt8(value % 10)
            value /= 10
            places -= 1
        }
        if firstCut >= 5 { value += 1 }
        tenThousandths = isNegative ? -value : value
    }
}

extension Money: CustomStringConvertible {
    /// The amount with two to four decimal places and no exponent, as events show it and the wire carries it: `9.00`, `0.0125`.
    package var description: String {
        let (whole, fraction) = tenThousandths.magnitude.quotientAndRemainder(dividingBy: 10_000)
        var text = tenThousandths < 0 ? "-" : ""
        text += String(whole)
        text += "."
        // Two places at least; the third and fourth only as far as they say something.
        let cents = fraction / 100
        if cents < 10 { text += "0" }
        text += String(cents)
        let rest = fraction % 100
        guard rest != 0 else { return text }
        if rest < 10 { text += "0" }
        text += String(rest % 10 == 0 ? rest / 10 : rest)
        return text
    }
}
