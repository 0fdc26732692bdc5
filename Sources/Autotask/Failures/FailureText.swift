import Contract

/// What a failed answer says, in any of the forms that Autotask and what stands before it use.
struct FailureText {
    /// What Autotask itself said about the request: `{"errors": ["…"]}`, or ASP.NET's `{"Message": "…"}`. `nil` for a page of HTML, for
    /// an empty body, and for no words at all.
    let said: String?
    /// Where phrases are looked for, in lower case: the beginning of what it says, or of a page of HTML.
    private let haystack: String

    /// How much is looked at for phrases, in bytes.
    private static let lookedAt = 4096

    init(_ body: [UInt8]) {
        said = JSON(tolerating: body).flatMap(FailureText.words)
        let beginning = said.map { Array($0.utf8.prefix(FailureText.lookedAt)) } ?? Array(body.prefix(FailureText.lookedAt))
        haystack = String(decoding: beginning, as: UTF8.self).lowercased()
    }

    /// - Parameter phrases: in lower case.
    func hasAny(_ phrases: String...) -> Bool {
        phrases.contains { haystack.contains($0) }
    }

    private static func words(of json: JSON) -> String? {
        let texts: [String] =
            switch json {
            case .string(let text): [text]
            case .object(let object):
                if let errors = object["errors"]?.array {
                    errors.compactMap { $0.string ?? $0["message"]?.string }
                } else {
                    [object["Message"]?.string ?? object["message"]?.string].compactMap { $0 }
                }
            default: []
            }
        let words = texts.filter { !$0.allSatisfy(\.isWhitespace) }
        return words.isEmpty ? nil : words.joined(separator: " ")
    }
}
