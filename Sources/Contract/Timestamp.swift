/// A moment in whole milliseconds since 1970-01-01T00:00:00Z, as the contract's `time` members and the store have it.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var millisecondsSinceEpoch: Int64

    /// 2000-01-01T00:00:00Z. An earlier moment is a date-time that was never set, which has the year 1 or 1970 in many languages.
    package static let firstPlausible = Timestamp(millisecondsSinceEpoch: 946_684_800_000)

    /// Whole seconds since 1970.
    package var secondsSinceEpoch: Int64 { millisecondsSinceEpoch / 1000 }

    package init(millisecondsSinceEpoch: Int64) { self.millisecondsSinceEpoch = millisecondsSinceEpoch }

    /// A moment of the years 0000 to 9999, the nearest one to a number that may be damaged.
    package init(clamping millisecondsSinceEpoch: Int64) {
        let moment = Timestamp(millisecondsSinceEpoch: millisecondsSinceEpoch)
        self = min(max(moment, Timestamp.writable.lowerBound), Timestamp.writable.upperBound)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.millisecondsSinceEpoch < right.millisecondsSinceEpoch }

    // Results that have no number become the first or last moment. A number from a damaged store must not end the process.

    package static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(millisecondsSinceEpoch: moment.millisecondsSinceEpoch.addingSaturated(duration.wholeMilliseconds))
    }

    package static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(millisecondsSinceEpoch: moment.millisecondsSinceEpoch.subtractingSaturated(duration.wholeMilliseconds))
    }

    package static func - (left: Timestamp, right: Timestamp) -> Duration {
        .milliseconds(left.millisecondsSinceEpoch.subtractingSaturated(right.millisecondsSinceEpoch))
    }
}

extension Duration {
    /// The duration in milliseconds, rounded toward zero; the longest one if it has no number.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (milliseconds, isTooLong) = seconds.multipliedReportingOverflow(by: 1000)
        guard !isTooLong else { return seconds < 0 ? .min : .max }
        return milliseconds.addingSaturated(attoseconds / 1_000_000_000_000_000)
    }
}

extension Int64 {
    fileprivate func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, isOutside) = addingReportingOverflow(other)
        return isOutside ? (other < 0 ? .min : .max) : sum
    }

    fileprivate func subtractingSaturated(_ other: Int64) -> Int64 {
        let (difference, isOutside) = subtractingReportingOverflow(other)
        return isOutside ? (other < 0 ? .max : .min) : difference
    }
}

extension Timestamp: CustomStringConvertible {
    /// The moment by RFC 3339 in UTC with milliseconds, `2026-11-22T08:00:00.000Z`. A moment outside the years 0000 to 9999 becomes the
    /// first or last moment of them.
    package var description: String {
        let millisecondsSinceEpoch = Timestamp(clamping: millisecondsSinceEpoch).millisecondsSinceEpoch
        let day = (millisecondsSinceEpoch / 86_400_000) - (millisecondsSinceEpoch % 86_400_000 < 0 ? 1 : 0)
        var rest = millisecondsSinceEpoch - day * 86_400_000
        let (year, month, dayOfMonth) = Timestamp.civil(fromDay: day)
        let milliseconds = rest % 1000
        rest /= 1000
        var output: [UInt8] = []
        output.reserveCapacity(24)
        func append(_ value: Int64, digits: Int) {
            var divisor: Int64 = 1
            for _ in 1..<digits { divisor *= 10 }
            while divisor > 0 {
                output.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
                divisor /= 10
            }
        }
        append(year, digits: 4)
        output.append(UInt8(ascii: "-"))
        append(month, digits: 2)
        output.append(UInt8(ascii: "-"))
        append(dayOfMonth, digits: 2)
        output.append(UInt8(ascii: "T"))
        append(rest / 3600, digits: 2)
        output.append(UInt8(ascii: ":"))
        append(rest / 60 % 60, digits: 2)
        output.append(UInt8(ascii: ":"))
        append(rest % 60, digits: 2)
        output.append(UInt8(ascii: "."))
        append(milliseconds, digits: 3)
        output.append(UInt8(ascii: "Z"))
        return String(decoding: output, as: UTF8.self)
    }

    /// The maximum length of a moment's text in bytes: enough for 30 fractional digits.
    private static let maximumLength = 64

    /// Parses RFC 3339 with any offset and any fractional digits, of which it keeps three. Anything else gives `nil`, and so does a moment
    /// outside the years 0000 to 9999 in UTC.
    package init?(_ text: String) {
        guard text.utf8.count <= Timestamp.maximumLength else { return nil }
        var rest = Array(text.utf8)[...]
        func take(_ count: Int) -> Int64? {
            guard rest.count >= count else { return nil }
            var value: Int64 = 0
            for byte in rest.prefix(count) {
                guard byte.isASCIIDigit else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            rest.removeFirst(count)
            return value
        }
        func skip(_ allowed: String) -> Bool {
            guard let byte = rest.first, allowed.utf8.contains(byte) else { return false }
            rest.removeFirst()
            return true
        }
        guard let year = take(4), skip("-"), let month = take(2), skip("-"), let day = take(2), skip("Tt "),
            let hour = take(2), skip(":"), let minute = take(2), skip(":"), let second = take(2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var milliseconds: Int64 = 0
        if skip(".") {
            let digits = rest.prefix(while: \.isASCIIDigit)
            guard !digits.isEmpty else { return nil }
            for index in 0..<3 {
                let digit = index < digits.count ? digits[digits.startIndex + index] - UInt8(ascii: "0") : 0
                milliseconds = milliseconds * 10 + Int64(digit)
            }
            rest.removeFirst(digits.count)
        }
        var offset: Int64 = 0
        if !skip("Zz") {
            let isNegative = rest.first == UInt8(ascii: "-")
            guard skip("+-"), let hours = take(2), skip(":"), let minutes = take(2), hours < 24, minutes < 60 else { return nil }
            offset = (hours * 60 + minutes) * (isNegative ? -1 : 1)
        }
        guard rest.isEmpty else { return nil }
        let dayNumber = Timestamp.day(year: year, month: month, day: day)
        // A day that the month does not have becomes a day of the next month.
        let (_, civilMonth, civilDay) = Timestamp.civil(fromDay: dayNumber)
        guard civilMonth == month, civilDay == day else { return nil }
        let seconds = dayNumber * 86_400 + hour * 3600 + (minute - offset) * 60 + second
        self.init(millisecondsSinceEpoch: seconds * 1000 + milliseconds)
        // An offset or a leap second may leave the years that have four digits.
        guard Timestamp.writable.contains(self) else { return nil }
    }

    /// The moments that RFC 3339 can express: the years 0000 to 9999.
    fileprivate static let writable =
        Timestamp(millisecondsSinceEpoch: -62_167_219_200_000)...Timestamp(millisecondsSinceEpoch: 253_402_300_799_999)

    /// The proleptic Gregorian date of a day counted from 1970-01-01, by eras of 400 years that begin in March.
    private static func civil(fromDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}
