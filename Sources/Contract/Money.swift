/// An amount of money, exact to four decimal places. It is never a binary floating point number between job and Autotask.
///
/// The currency is that of Autotask: amounts are sent as they were typed (`Rules` A24).
package struct Money: Hashable, Comparable, Sendable {
    /// The amount in ten-thousandths.
    package let tenThousandths: Int64

    package init(tenThousandths: Int64) { self.tenThousandths = tenThousandths }

    package static func - (left: Money, right: Money) -> Money { Money(tenThousandths: left.tenThousandths - right.tenThousandths) }

    package static func < (left: Money, right: Money) -> Bool { left.tenThousandths < right.tenThousandths }

    /// Reads an amount of a job: `^\d{1,12}(\.\d{1,4})?$`. Anything else gives `nil`: a sign, an exponent, a fifth decimal place.
    package init?(contract text: String) {
        var value: Int64 = 0
        var whole = 0
        /// The number of digits after the point; `nil` before it.
        var places: Int?
        for byte in text.utf8 {
            if byte == UInt8(ascii: "."), places == nil {
                places = 0
                continue
            }
            guard byte.isASCIIDigit else { return nil }
            if let digits = places { places = digits + 1 } else { whole += 1 }
            guard whole <= 12, places ?? 0 <= 4 else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        guard whole > 0, places != 0 else { return nil }
        for _ in (places ?? 0)..<4 { value *= 10 }
        tenThousandths = value
    }

    /// Reads an amount from the text of a JSON number, as Autotask sends it. It rounds half away from zero at the fourth decimal place,
    /// exactly for any number of digits.
    ///
    /// The result is `nil` if the number has more than 14 digits before the point, or its exponent more than two.
    package init?(jsonNumber text: String) {
        // Nearly every amount has the form that jobs have.
        if let amount = Money(contract: text) {
            self = amount
            return
        }
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let unsigned = text.utf8.dropFirst(isNegative ? 1 : 0)
        let mantissa = unsigned.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
        var exponent = 0
        if mantissa.endIndex < unsigned.endIndex {
            guard let written = Int(Substring(unsigned[mantissa.endIndex...].dropFirst())), written.magnitude < 100 else { return nil }
            exponent = written
        }
        let whole = mantissa.prefix { $0 != UInt8(ascii: ".") }
        let fraction = mantissa[whole.endIndex...].dropFirst()
        guard !whole.isEmpty || !fraction.isEmpty, whole.allSatisfy(\.isASCIIDigit), fraction.allSatisfy(\.isASCIIDigit) else { return nil }
        // In ten-thousandths, the point is four places further to the right.
        var places = whole.count + exponent + 4
        var value: Int64 = 0
        var roundsUp = false
        for digit in mantissa where digit != UInt8(ascii: ".") {
            guard places > 0 else {
                // The first dropped digit decides the rounding; later digits do not matter.
                roundsUp = places == 0 && digit >= UInt8(ascii: "5")
                break
            }
            guard let next = Money.appending(Int64(digit - UInt8(ascii: "0")), to: value) else { return nil }
            value = next
            places -= 1
        }
        while places > 0, value != 0 {
            guard let next = Money.appending(0, to: value) else { return nil }
            value = next
            places -= 1
        }
        if roundsUp { value += 1 }
        guard value < Money.limit else { return nil }
        tenThousandths = isNegative ? -value : value
    }

    /// 10^14, in ten-thousandths.
    private static let limit: Int64 = 1_000_000_000_000_000_000

    /// The number with one more digit; `nil` if it is too large to be money.
    private static func appending(_ digit: Int64, to value: Int64) -> Int64? {
        value < limit / 10 ? value * 10 + digit : nil
    }
}

extension Money: CustomStringConvertible {
    /// The amount with two to four decimal places and no exponent, as events and requests have it: `9.00`, `0.0125`.
    package var description: String {
        let (whole, fraction) = tenThousandths.magnitude.quotientAndRemainder(dividingBy: 10_000)
        var text = tenThousandths < 0 ? "-" : ""
        text += String(whole)
        text += "."
        // At least two places; the third and fourth only without trailing zeros.
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
