/// An MSP, as the portal names it: the `subject` of every job and event, and the last word of every routing key.
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

extension UInt8 {
    var isASCIIAlphanumeric: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        default: false
        }
    }

    /// What the contract allows in an id besides letters and digits.
    var isASCIIIdentifierPunctuation: Bool {
        self == UInt8(ascii: ".") || self == UInt8(ascii: "_") || self == UInt8(ascii: ":") || self == UInt8(ascii: "-")
    }
}
