/// The W3C trace context, passed on from job to HTTP calls and events.
package enum TraceContext {
    /// The trace id of a valid `traceparent`: 32 hexadecimal digits.
    package static func traceID(of traceparent: String) -> String { String(traceparent.utf8.dropFirst(3).prefix(32)) ?? "" }

    /// The text, if it is a `traceparent` of version 00: `00-<32 hex>-<16 hex>-<2 hex>`. Anything else is dropped and never passed on.
    package static func valid(_ text: String?) -> String? {
        guard let text, text.utf8.count == 55 else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [2, 32, 16, 2], text.hasPrefix("00-") else { return nil }
        let isHexadecimal = parts.joined().allSatisfy {
            $0.isASCIIDigit || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f"))
        }
        let hasIdentity = parts[1].contains { $0 != UInt8(ascii: "0") } && parts[2].contains { $0 != UInt8(ascii: "0") }
        return isHexadecimal && hasIdentity ? text : nil
    }
}
