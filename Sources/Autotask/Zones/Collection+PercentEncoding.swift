extension Collection<UInt8> {
    /// The bytes with all but RFC 3986's unreserved characters percent-encoded: what may stand anywhere in a query.
    var percentEncoded: String {
        var output: [UInt8] = []
        output.reserveCapacity(count * 3)
        for byte in self {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                output.append(byte)
            default:
                output.append(UInt8(ascii: "%"))
                for digit in [byte >> 4, byte & 15] {
                    output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
                }
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
