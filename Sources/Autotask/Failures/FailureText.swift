import Contract

/// The text of a failed answer, in any form that Autotask or a gateway before it uses.
struct FailureText {
    /// Autotask's own text about the request: `{"errors": ["…"]}`, ASP.NET's `{"Message": "…"}`, or a problem of RFC 9457. It is `nil` for
    /// a page of HTML, an empty body, or JSON without texts.
    let said: String?
    /// Whether the text has one of Autotask's forms: `errors`, or ASP.NET's `Message`. Gateways that answer in JSON use others.
    let isInAutotasksForm: Bool
    /// The sentences of the text in lower case, or the ``plain`` body.
    let sentences: [String]
    /// A body that is neither JSON nor a page: a plain sentence, or damaged JSON; `nil` for other bodies.
    let plain: String?
    /// The text to search for phrases, in lower case: the beginning of the text, or of a page of HTML.
    private let haystack: String
    /// The same without quotations, which may be names that a person chose.
    private let unquoted: String

    /// The maximum length of the searched text, in bytes.
    private static let lookedAt = 4096

    /// Whether there was no body, or a blank one.
    let isEmpty: Bool

    /// Whether a body is empty or only white space. It parses nothing, because it checks the body of every success.
    static func isBlank(_ body: [UInt8]) -> Bool { body.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) } }

    init(_ body: [UInt8]) {
        isEmpty = FailureText.isBlank(body)
        let json = JSON(tolerating: body) ?? JSON(tolerating: FailureText.repaired(body))
        let texts = json.map(FailureText.words) ?? []
        said = texts.isEmpty ? nil : texts.joined(separator: " ")
        plain = json == nil ? FailureText.plainText(body) : nil
        sentences = (texts.isEmpty ? plain.map { [$0] } ?? [] : texts).map { $0.lowercased() }
        isInAutotasksForm = ["errors", "modelState", "message"].contains { !FailureText.texts(of: json?[anyCase: $0], depth: 0).isEmpty }
        let beginning = said.map { Array($0.utf8.prefix(FailureText.lookedAt)) } ?? Array(body.prefix(FailureText.lookedAt))
        haystack = String(decoding: beginning, as: UTF8.self).lowercased()
        unquoted = said == nil ? haystack : FailureText.withoutQuotations(haystack)
    }

    /// Whether the text contains one of the phrases outside quotations.
    ///
    /// - Parameter phrases: in lower case.
    func hasAny(_ phrases: String...) -> Bool {
        phrases.contains { unquoted.contains($0) }
    }

    /// Whether a sentence ends with a phrase: "The service is required to restart" does not end with "is required".
    ///
    /// - Parameter phrase: in lower case.
    func endsSentence(with phrase: String) -> Bool {
        unquoted.split(whereSeparator: { ".;!?\n".contains($0) }).contains { sentence in
            guard let end = sentence.lastIndex(where: \.isLetter) else { return false }
            return sentence[...end].hasSuffix(phrase)
        }
    }

    /// Whether the text contains one of the phrases, in quotations or outside.
    ///
    /// - Parameter phrases: in lower case.
    func quotesOrHasAny(_ phrases: String...) -> Bool {
        phrases.contains { haystack.contains($0) }
    }

    private static func words(of json: JSON) -> [String] {
        let texts: [String] =
            switch json {
            case .string(let text): [text]
            case .array: FailureText.texts(of: json, depth: 0)
            case .object:
                // A list of errors is more specific than the headline above it.
                [["errors", "modelState"], ["detail"], ["exceptionMessage", "message", "innerException", "error"], ["title"]].lazy
                    .map { names in names.flatMap { FailureText.texts(of: json[anyCase: $0], depth: 0) } }
                    .first { !$0.isEmpty } ?? []
            default: []
            }
        return texts.filter { !$0.allSatisfy(\.isWhitespace) }
    }

    /// The body with invalid UTF-8 and control characters replaced, so that JSON can be read.
    private static func repaired(_ body: [UInt8]) -> [UInt8] {
        guard body.count <= lookedAt else { return [] }
        return Array(String(decoding: body.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self).utf8)
    }

    private static func plainText(_ body: [UInt8]) -> String? {
        guard let first = body.first(where: { $0 > 0x20 }), first != UInt8(ascii: "<"), body.count <= lookedAt, !body.contains(0) else {
            return nil
        }
        return String(decoding: body, as: UTF8.self)
    }

    /// Removes quotations. An apostrophe within a word is no quotation mark.
    static func withoutQuotations(_ text: String) -> String {
        var kept = ""
        var end: Character?
        var quoted = ""
        var last: Character = " "
        for character in text {
            if let closing = end {
                if character == closing {
                    end = nil
                    quoted = ""
                } else {
                    quoted.append(character)
                }
            } else if let closing = quotationMarks[character], character != "'" || !(last.isLetter || last.isNumber) {
                end = closing
            } else {
                kept.append(character)
            }
            last = character
        }
        // A quotation mark without a closing one is no quotation.
        return kept + quoted
    }

    private static let quotationMarks: [Character: Character] = [
        "\"": "\"", "'": "'", "\u{201C}": "\u{201D}", "\u{201E}": "\u{201C}", "\u{00AB}": "\u{00BB}", "\u{2018}": "\u{2019}", "`": "`",
    ]

    /// The texts under `errors` in an answer of any status; empty if there are none.
    static func errors(of json: JSON) -> [String] { texts(of: json[anyCase: "errors"], depth: 0) }

    /// The sentences in a text, a list, or an object by field: `["…"]`, `[{"message": "…"}]`, `{"Name": ["…"]}`.
    private static func texts(of json: JSON?, depth: Int) -> [String] {
        guard depth < maximumDepth else { return [] }
        switch json {
        case .string(let text): return text.allSatisfy(\.isWhitespace) ? [] : [text]
        case .array(let elements): return elements.prefix(maximumTexts).flatMap { texts(of: $0, depth: depth + 1) }
        case .object(let object):
            for name in ["exceptionMessage", "message", "detail", "description", "title"] {
                if let text = json?[anyCase: name]?.string, !text.allSatisfy(\.isWhitespace) { return [text] }
            }
            return object.members.prefix(maximumTexts).flatMap { member in
                texts(of: member.value, depth: depth + 1).map { member.name.isEmpty ? $0 : "\(member.name): \($0)" }
            }
        default: return []
        }
    }

    /// The maximum number of texts: more than a person reads.
    private static let maximumTexts = 20
    private static let maximumDepth = 4
}

extension JSON {
    /// A member of an object by its name in any case: proxies and versions of Autotask differ in case.
    subscript(anyCase name: String) -> JSON? { object?[anyCase: name] }
}

extension JSONObject {
    /// See ``JSON/subscript(anyCase:)``.
    subscript(anyCase name: String) -> JSON? {
        if let member = members.first(where: { $0.name == name }) { return member.value }
        let lowered = name.lowercased()
        return members.first { $0.name.utf8.count == lowered.utf8.count && $0.name.lowercased() == lowered }?.value
    }
}
