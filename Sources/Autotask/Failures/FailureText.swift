import Contract

/// What a failed answer says, in any of the forms that Autotask and what stands before it use.
struct FailureText {
    /// What Autotask itself said about the request: `{"errors": ["…"]}`, or ASP.NET's `{"Message": "…"}`. `nil` for a page of HTML, for
    /// an empty body, and for no words at all.
    let said: String?
    /// Where phrases are looked for, in lower case. Of a page of HTML, its beginning.
    private let haystack: String

    /// How much of a body that is not JSON is looked at, in bytes.
    private static let lookedAt = 4096

    init(_ body: [UInt8]) {
        said = JSON(tolerating: body).flatMap(FailureText.words)
        haystack = (said ?? String(decoding: body.prefix(FailureText.lookedAt), as: UTF8.self)).lowercased()
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
