extension JSON {
    /// The value in the JSON Canonicalization Scheme (RFC 8785): two writers of the same payload get the same bytes.
    ///
    /// A number beyond the range of a double, which I-JSON forbids, keeps its own text.
    package var canonical: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(512)
        appendCanonical(to: &output)
        return output
    }

    private func appendCanonical(to output: inout [UInt8]) {
        switch self {
        case .null, .bool, .string, .brokenString:
            append(to: &output)
        case .number(let text):
            output.append(contentsOf: JSON.canonicalNumber(text).utf8)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for index in elements.indices {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                elements[index].appendCanonical(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let object):
            output.append(UInt8(ascii: "{"))
            // Positions are sorted, not the members: a move of a member copies it.
            let members = object.members
            let order = members.indices.sorted { JSON.precedes(members[$0].name, members[$1].name) }
            for position in order {
                if position != order.first { output.append(UInt8(ascii: ",")) }
                JSON.append(quoted: members[position].name, to: &output)
                output.append(UInt8(ascii: ":"))
                members[position].value.appendCanonical(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// Whether a name precedes another by their UTF-16, the order of RFC 8785 section 3.2.3.
    private static func precedes(_ name: String, _ other: String) -> Bool {
        let (bytes, otherBytes) = (name.utf8Span.span, other.utf8Span.span)
        for index in 0..<min(bytes.count, otherBytes.count) where bytes[index] != otherBytes[index] {
            // For ASCII, UTF-8 and UTF-16 have the same order.
            let areASCII = bytes[index] < 0x80 && otherBytes[index] < 0x80
            return areASCII ? bytes[index] < otherBytes[index] : name.utf16.lexicographicallyPrecedes(other.utf16)
        }
        return bytes.count < otherBytes.count
    }

    /// A number as ECMAScript's `Number.prototype.toString` writes it (RFC 8785, section 3.2.2.3).
    static func canonicalNumber(_ text: String) -> String {
        // Whole numbers that a double holds exactly are their own canonical text.
        if let integer = Int64(text), integer.magnitude <= 1 << 53 { return String(integer) }
        guard let value = Double(text), value.isFinite else { return text }
        guard value != 0 else { return "0" }
        // Swift's description has the same shortest digits in another layout.
        let sign = value < 0 ? "-" : ""
        let parts = value.magnitude.description.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let whole = mantissa[0]
        let fraction = mantissa.count > 1 && mantissa[1] != "0" ? mantissa[1] : ""
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        var digits = String(whole + fraction)
        // The number of digits before the decimal point.
        var point = whole.count + exponent
        let leadingZeros = digits.prefix { $0 == "0" }.count
        digits.removeFirst(leadingZeros)
        point -= leadingZeros
        while digits.last == "0" { digits.removeLast() }
        let count = digits.count
        switch point {
        case count...21 where point >= count:
            return sign + digits + String(repeating: "0", count: point - count)
        case 1...21:
            return sign + digits.prefix(point) + "." + digits.dropFirst(point)
        case -5...0:
            return sign + "0." + String(repeating: "0", count: -point) + digits
        default:
            let scale = point - 1
            let head = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
            return sign + head + "e" + (scale < 0 ? "-" : "+") + String(scale.magnitude)
        }
    }
}
