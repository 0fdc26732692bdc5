// Extensions of concrete types: another module calls a generic one unspecialized, which costs a sync 2 % of its CPU.

extension [UInt8] {
    /// Two lower-case digits for each byte.
    package var hexadecimal: String {
        String(unsafeUninitializedCapacity: 2 * count) { output in
            for index in indices {
                output[2 * index] = self[index].highDigit(letters: UInt8(ascii: "a"))
                output[2 * index + 1] = self[index].lowDigit(letters: UInt8(ascii: "a"))
            }
            return 2 * count
        }
    }
}

extension String {
    /// The text with all but RFC 3986's unreserved characters percent-encoded, for any part of a URL.
    package var percentEncoded: String {
        let bytes = utf8
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 3)
        for byte in bytes {
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
