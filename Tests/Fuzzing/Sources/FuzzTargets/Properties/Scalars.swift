import Contract

extension Timestamp {
    /// Checks a moment against its text.
    func holdProperties() throws(PropertyViolation) {
        let text = description
        try hold(text.utf8.count == 24, "a moment's text has 24 characters")
        try hold(Timestamp(text) == self, "a moment is read back from its text")
    }
}

/// Checks everything that is read from a single text.
func holdScalars(in text: String) throws(PropertyViolation) {
    if let moment = Timestamp(text) { try moment.holdProperties() }
    if let amount = Money(contract: text) {
        try hold(ExactAmount(text)?.tenThousandths == amount.tenThousandths, "an amount equals its text")
        try hold(Money(contract: amount.description) == amount, "an amount is read back from its text")
    }
    if case .number(let number)? = try? JSON(parsing: Array(text.utf8)) { try holdAmount(number) }
    if let bytes = Base64URL.decode(text) { try hold(Base64URL.encode(bytes) == text, "base64url has one spelling") }
    try hold(Base64URL.decode(Base64URL.encode(text.utf8)) == Array(text.utf8), "base64url is read back")
    if let id = JobID(text) { try hold(id.redriven.description.utf8.count <= 128, "a redriven id has the length of an id") }
    if let valid = TraceContext.valid(text) { try hold(valid == text && valid.utf8.count == 55, "a traceparent is unchanged") }
}

/// Checks the reading of an amount against exact arithmetic.
///
/// - Parameter number: valid by JSON's grammar.
func holdAmount(_ number: String) throws(PropertyViolation) {
    let exact = ExactAmount(number)
    let amount = Money(jsonNumber: number)
    if let amount {
        try hold(amount.tenThousandths == exact?.tenThousandths, "\(number) is read as \(amount)")
        try hold(Money(jsonNumber: amount.description) == amount, "an amount is read back from its text")
    } else {
        // A number with at most 14 digits before the point is money, however it is written, unless its exponent is unreasonable.
        let isMoney = exact.map { $0.tenThousandths.magnitude < 1_000_000_000_000_000_000 && $0.exponent.magnitude < 100 } ?? false
        try hold(!isMoney, "\(number) is an amount")
    }
}

/// Decimal arithmetic as on paper: slow, and unlikely to have the same faults as the worker's.
private struct ExactAmount {
    /// Rounded half away from zero.
    let tenThousandths: Int64
    let exponent: Int

    init?(_ number: String) {
        var text = number[...]
        let isNegative = text.hasPrefix("-")
        if isNegative { text = text.dropFirst() }
        let parts = text.split(whereSeparator: { $0 == "e" || $0 == "E" })
        guard let mantissa = parts.first, let exponent = parts.count > 1 ? Int(parts[1]) : 0, exponent.magnitude < 2000 else { return nil }
        let halves = mantissa.split(separator: ".", omittingEmptySubsequences: false)
        var digits = Array(halves[0] + (halves.count > 1 ? halves[1] : ""))
        // The number of digits before the point, once the amount is counted in ten-thousandths.
        var whole = halves[0].count + exponent + 4
        while whole < 0 {
            digits.insert("0", at: 0)
            whole += 1
        }
        while digits.count < whole { digits.append("0") }
        guard let value = whole == 0 ? 0 : Int64(String(digits[..<whole])) else { return nil }
        let roundsUp = whole < digits.count && digits[whole] >= "5"
        let (rounded, overflow) = value.addingReportingOverflow(roundsUp ? 1 : 0)
        guard !overflow else { return nil }
        self.exponent = exponent
        tenThousandths = isNegative ? -rounded : rounded
    }
}
