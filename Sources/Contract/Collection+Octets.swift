/// Bytes as text.
extension Collection<UInt8> {
    /// The bytes as hexadecimal digits in lower case, two for each byte.
    package var hexadecimal: String {
        let count = count
        return String(unsafeUninitializedCapacity: 2 * count) { output in
            for (index, byte) in self.enumerated() {
                output[2 * index] = byte.highDigit(letters: UInt8(ascii: "a"))
                output[2 * index + 1] = byte.lowDigit(letters: UInt8(ascii: "a"))
            }
            return 2 * count
        }
    }

    /// The bytes for any place in a URL: percent-encoded, except for RFC 3986's unreserved characters.
    package var percentEncoded: String {
        var output: [UInt8] = []
        output.reserveCapacity(count * 3)
        for byte in self {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                output.append(byte)
            default:
                output += [UInt8(ascii: "%"), byte.highDigit(letters: UInt8(ascii: "A")), byte.lowDigit(letters: UInt8(ascii: "A"))]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate func highDigit(letters: UInt8) -> UInt8 { (self >> 4).digit(letters) }
    fileprivate func lowDigit(letters: UInt8) -> UInt8 { (self & 15).digit(letters) }

    private func digit(_ letters: UInt8) -> UInt8 { self < 10 ? UInt8(ascii: "0") + self : letters + self - 10 }
}
