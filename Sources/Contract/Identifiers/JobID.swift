/// The portal's id of a job: the `id` of its CloudEvent. Together with the tenant it is the idempotency key.
package struct JobID: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// - Parameter text: `^[A-Za-z0-9._:-]{1,128}$`, or the result is `nil`.
    package init?(_ text: String) {
        guard (1...128).contains(text.utf8.count), text.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0.isASCIIIdentifierPunctuation })
        else { return nil }
        description = text
    }

    /// - Parameter description: the text of an id that no portal can send.
    init(unchecked description: String) { self.description = description }
}
