/// How an error message shows a name that a portal wrote. Use it only for names: any other text may be a secret.
extension String {
    /// The maximum length in bytes, without the quotes.
    private static let maximumShown = 64

    /// The text's beginning in quotes, as printable ASCII. Other characters are escaped, so that none controls a terminal or is invisible.
    var quotedForMessage: String {
        var shown = ""
        for scalar in unicodeScalars {
            let next = scalar.escaped(asASCII: true)
            guard shown.utf8.count + next.utf8.count <= String.maximumShown else { return "\"\(shown)...\" (\(utf8.count) bytes)" }
            shown += next
        }
        return "\"\(shown)\""
    }

    /// Describes what was received instead of the expected media type: a type with its charset, or a short word. Other texts are not shown.
    var mediaTypeInWords: String {
        if isEmpty { return "an empty string" }
        if let type = MediaType(self) { return (type.essence + (type.charset.map { "; charset=\($0)" } ?? "")).quotedForMessage }
        let isWord = utf8.count <= 32 && utf8.allSatisfy { $0.isASCIIAlphanumeric || $0.isASCIIIdentifierPunctuation }
        return isWord ? quotedForMessage : "a string that is no media type"
    }
}
