/// How a message of an error shows a name that a portal wrote. It is for names alone: anything else may hold a secret.
extension String {
    /// In bytes, without the quotes.
    private static let maximumShown = 64

    /// Its beginning in quotes, as printable ASCII: everything else is escaped, so that it neither commands a terminal nor hides.
    var quotedForMessage: String {
        var shown = ""
        for scalar in unicodeScalars {
            let next = scalar.escaped(asASCII: true)
            guard shown.utf8.count + next.utf8.count <= String.maximumShown else { return "\"\(shown)...\" (\(utf8.count) bytes)" }
            shown += next
        }
        return "\"\(shown)\""
    }

    /// What came where a media type was due: the type and its charset. Of what is no media type, only a short word is shown.
    var mediaTypeInWords: String {
        if isEmpty { return "an empty string" }
        if let type = MediaType(self) { return (type.essence + (type.charset.map { "; charset=\($0)" } ?? "")).quotedForMessage }
        let isWord = utf8.count <= 32 && utf8.allSatisfy { $0.isASCIIAlphanumeric || $0.isASCIIIdentifierPunctuation }
        return isWord ? quotedForMessage : "a string that is no media type"
    }
}
