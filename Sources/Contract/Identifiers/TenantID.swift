/// The portal's id of an MSP: the `subject` of every job and event, and the last word of every routing key.
package struct TenantID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let description: String

    /// - Parameter text: `^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`, or the result is `nil`.
    package init?(_ text: String) {
        guard (1...64).contains(text.utf8.count), let first = text.utf8.first, first.isASCIIAlphanumeric,
            text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") })
        else { return nil }
        description = text
    }

    package static func < (left: TenantID, right: TenantID) -> Bool { left.description < right.description }
}
