import Contract

/// A line that is safe for a terminal: text from portals and Autotask can neither control it, nor hide or reorder the text around it.
///
/// Control characters are shown as symbols (`␛`), invisible and direction-changing ones by their number (`<U+202E>`). In JSON both are
/// escaped, which changes no value.
struct TerminalText: CustomStringConvertible {
    let description: String

    init(_ line: String) {
        var shown = String.UnicodeScalarView()
        var rest = Array(line.unicodeScalars)[...]
        while let scalar = rest.first {
            if let style = TerminalText.style(at: &rest) {
                shown.append(contentsOf: "\u{1B}[\(style)m".unicodeScalars)
                continue
            }
            rest.removeFirst()
            if TerminalText.isHarmless(scalar) { shown.append(scalar) } else { shown.append(contentsOf: TerminalText.symbol(of: scalar)) }
        }
        description = String(shown)
    }

    init(_ json: JSON) {
        var shown = String.UnicodeScalarView()
        for scalar in String(decoding: json.encoded, as: UTF8.self).unicodeScalars {
            if TerminalText.isHarmless(scalar) {
                shown.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    shown.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
                }
            }
        }
        description = String(shown)
    }

    /// A line of a JSON document that takes several: one of its values, between marks such as `[` and `,`.
    init(_ json: JSON, after opening: String, before closing: String) {
        description = opening + TerminalText(json).description + closing
    }

    /// A line of CSV, with the carriage return that ends it before the line feed.
    init(_ record: CSVRecord) {
        description = record.fields.map { CSVRecord.field(TerminalText($0).description) }.joined(separator: ",") + "\r"
    }

    // MARK: Styles

    /// The prefix of a style of this process. Text from outside cannot know it.
    private static let mark = "\u{10FFFE}\(UInt64.random(in: .min ... .max));"
    private static let markScalars = Array(mark.unicodeScalars)

    static func styled(_ text: String, _ style: String) -> String { "\(mark)\(style);\(text)\(mark)0;" }

    /// Takes a style from the beginning of the text, if there is one.
    private static func style(at rest: inout ArraySlice<Unicode.Scalar>) -> String? {
        guard rest.starts(with: markScalars) else { return nil }
        rest = rest.dropFirst(markScalars.count)
        let style = rest.prefix { $0 != ";" }
        rest = rest[style.endIndex...].dropFirst()
        return String(String.UnicodeScalarView(style))
    }

    // MARK: Characters

    /// Whether it is shown as itself, and does not change how the text around it is shown.
    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        if (0x20..<0x7F).contains(scalar.value) { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return false
        default: break
        }
        // Fillers and joiners that take no space. A variation selector only picks one of a character's forms.
        return !scalar.properties.isDefaultIgnorableCodePoint || (0xFE00...0xFE0F).contains(scalar.value)
    }

    private static func symbol(of scalar: Unicode.Scalar) -> String.UnicodeScalarView {
        switch scalar.value {
        case 0..<0x20: String.UnicodeScalarView(Unicode.Scalar(0x2400 + scalar.value).map { [$0] } ?? [])
        case 0x7F: "\u{2421}".unicodeScalars
        default:
            "<U+\(String(repeating: "0", count: max(0, 4 - String(scalar.value, radix: 16).count)))\(String(scalar.value, radix: 16, uppercase: true))>"
                .unicodeScalars
        }
    }
}
