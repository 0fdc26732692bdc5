/// The identity of a span: what a W3C `traceparent` carries.
package struct SpanContext: Hashable, Sendable {
    /// 128 bits that all spans of a trace share; not zero.
    package struct TraceID: Hashable, Sendable {
        package let high: UInt64
        package let low: UInt64

        package init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }

        /// 32 hexadecimal digits.
        package var hexadecimal: String { high.hexadecimal + low.hexadecimal }
    }

    /// The bit of ``flags`` by which a parent says that it records its span.
    package static let sampled: UInt8 = 1

    package let traceID: TraceID
    /// Not zero.
    package let spanID: UInt64
    package let flags: UInt8

    package init(traceID: TraceID, spanID: UInt64, flags: UInt8) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
    }

    package var isSampled: Bool { flags & SpanContext.sampled != 0 }

    /// Reads a `traceparent` of version 00, without an allocation.
    ///
    /// - Returns: `nil` for any other text.
    package init?(traceparent text: String) {
        guard text.utf8.count == 55 else { return nil }
        let bytes = text.utf8.span
        let dash = UInt8(ascii: "-")
        guard bytes[2] == dash, bytes[35] == dash, bytes[52] == dash, bytes.number(0..<2) == 0, let high = bytes.number(3..<19),
            let low = bytes.number(19..<35), let span = bytes.number(36..<52), let flags = bytes.number(53..<55), high | low != 0, span != 0
        else { return nil }
        self.init(traceID: TraceID(high: high, low: low), spanID: span, flags: UInt8(flags))
    }

    /// Whether a `traceparent` of version 00 says that its span is not recorded. It reads the flags alone, which is much faster.
    package static func isUnsampled(traceparent text: String) -> Bool {
        guard text.utf8.count == 55 else { return false }
        let (bytes, zero) = (text.utf8.span, UInt8(ascii: "0"))
        guard bytes[0] == zero, bytes[1] == zero, let digit = bytes[54].hexadecimalValue else { return false }
        return digit & sampled == 0
    }

    /// `00-<trace id>-<span id>-<flags>`.
    package var traceparent: String { "00-\(traceID.hexadecimal)-\(spanID.hexadecimal)-\(UInt64(flags).hexadecimal.suffix(2))" }
}

extension UInt64 {
    /// 16 digits.
    package var hexadecimal: String {
        unsafe String(unsafeUninitializedCapacity: 16) { buffer in
            for position in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: self >> UInt64(60 - 4 * position) & 0xF)
                unsafe buffer[position] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
            return 16
        }
    }
}

extension Span<UInt8> {
    /// A number in hexadecimal digits in lower case.
    fileprivate func number(_ place: Range<Int>) -> UInt64? {
        var number: UInt64 = 0
        for position in place {
            guard let digit = self[position].hexadecimalValue else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }
}

extension UInt8 {
    /// The value of a digit in lower case.
    fileprivate var hexadecimalValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
