import Contract

/// JSON that may be invalid: its leaves are bytes.
indirect enum JSONDraft {
    case text([UInt8])
    case array([JSONDraft])
    /// Names with their quotes.
    case object([(name: [UInt8], value: JSONDraft)])

    init(_ json: JSON) {
        switch json {
        case .null, .bool, .number, .string, .brokenString: self = .text(json.encoded)
        case .array(let elements): self = .array(elements.map(JSONDraft.init))
        case .object(let object):
            self = .object(object.members.map { (JSON.string($0.name).encoded, JSONDraft($0.value)) })
        }
    }

    var encoded: [UInt8] {
        switch self {
        case .text(let bytes): bytes
        case .array(let elements):
            [UInt8(ascii: "[")] + elements.map(\.encoded).joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
        case .object(let members):
            [UInt8(ascii: "{")]
                + members.map { $0.name + [UInt8(ascii: ":")] + $0.value.encoded }.joined(separator: [UInt8(ascii: ",")])
                + [UInt8(ascii: "}")]
        }
    }

    /// Changes one place, which the input names.
    mutating func change(by input: inout FuzzInput) {
        switch self {
        case .text: self = JSONDraft(from: &input)
        case .array(var elements):
            let index = input.index(below: elements.count + 1)
            switch input.index(below: 4) {
            case 0 where index < elements.count: elements[index] = JSONDraft(from: &input)
            case 1 where index < elements.count: elements.remove(at: index)
            case 2 where index < elements.count: elements.append(elements[index])
            case 3 where index < elements.count: elements[index].change(by: &input)
            default: elements.append(JSONDraft(from: &input))
            }
            self = .array(elements)
        case .object(var members):
            let index = input.index(below: members.count + 1)
            switch input.index(below: 6) {
            case 0 where index < members.count: members[index].value = JSONDraft(from: &input)
            case 1 where index < members.count: members.remove(at: index)
            case 2 where index < members.count: members.append(members[index])
            case 3 where index < members.count: members[index].name = JSONDraft.quoted(input.shortBytes())
            case 4 where index < members.count, 5 where index < members.count: members[index].value.change(by: &input)
            default: members.append((JSONDraft.quoted(input.shortBytes()), JSONDraft(from: &input)))
            }
            self = .object(members)
        }
    }

    private static func quoted(_ bytes: [UInt8]) -> [UInt8] { [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")] }

    /// A value that the input determines.
    private init(from input: inout FuzzInput) {
        switch input.index(below: 8) {
        case 0: self = .text(input.shortBytes())
        case 1: self = .text(JSONDraft.quoted(input.shortBytes()))
        case 2: self = .text(Array(input.pick(JSONDraft.edges).utf8))
        case 3: self = .text(JSON.string(input.pick(Canary.all).text).encoded)
        case 4:
            // A long, uniform text.
            let unit = input.shortBytes()
            let repeated = Array(repeatElement(unit, count: 1 << input.index(below: 13)).joined().prefix(1 << 16))
            self = .text(JSONDraft.quoted(repeated))
        case 5:
            let depth = input.index(below: 64)
            let (open, close) = input.pick([("[", "]"), (#"{"a":"#, "}")])
            self = .text(Array((String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)).utf8))
        case 6:
            // A number of any length.
            let digits = input.pick(["0", "1", "5", "9", "12345678901234567890"])
            let whole = String(repeating: digits, count: 1 + input.index(below: 255))
            let fraction = String(repeating: digits, count: 1 + input.index(below: 255))
            let exponent = Int(input.byte()) - 128
            self = .text(Array(input.pick([whole, "0.\(fraction)", "1.\(fraction)e\(exponent)", "-1.\(fraction)", "1e\(exponent)"]).utf8))
        default:
            let count = input.index(below: 256) << input.index(below: 4)
            let element = input.shortBytes()
            self = .array(Array(repeating: .text(element), count: count))
        }
    }

    private static let edges = [
        "null", "true", "{}", "[]", "\"\"", "0", "-0", "1.0", "1e2", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "1e308", "1e309", "1e-400", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud83d\\ude00\"", "\"\\ufeff\"",
        "\"0000-01-01T00:00:00+23:59\"", "\"9999-12-31T23:59:60-23:59\"", "\"2026-02-29T00:00:00Z\"", "\"2026-11-22T08:00:00.123456789Z\"",
        "\"999999999999.9999\"", "\"0.00005\"", "\"1.\"", "\"workplace\"", "\"fileProtection\"", "\"Yearly\"",
    ]
}
