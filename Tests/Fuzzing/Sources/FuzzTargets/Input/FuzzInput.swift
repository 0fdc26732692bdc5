/// An input, read from its beginning.
struct FuzzInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// A number below `bound`, from one byte.
    mutating func index(below bound: Int) -> Int { bound > 0 ? Int(byte()) % bound : 0 }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[index(below: values.count)] }

    /// Up to 255 bytes, preceded by their count.
    mutating func shortBytes() -> [UInt8] {
        let count = Int(byte())
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// Like ``shortBytes()``; bytes that are not UTF-8 are replaced.
    mutating func shortText() -> String { String(decoding: shortBytes(), as: UTF8.self) }

    /// Everything up to an empty line, which is also read; everything, if there is none.
    mutating func paragraph() -> [UInt8] {
        var line: [UInt8] = []
        var taken: [UInt8] = []
        while let byte = rest.popFirst() {
            line.append(byte)
            guard byte == UInt8(ascii: "\n") else { continue }
            if line.count == 1 { return taken }
            taken += line
            line = []
        }
        return taken + line
    }

    mutating func remainder() -> [UInt8] {
        defer { rest = [] }
        return Array(rest)
    }
}
