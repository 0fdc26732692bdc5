import Contract

/// The name that a service has in Autotask for a moment, while services of the plan exchange theirs.
///
/// It ends in a part of the service's ownership marker. A person who sees it can identify the service, and so can the next attempt if this
/// one is interrupted.
struct TemporaryName {
    private let ending: String

    /// - Parameter marker: the ownership marker of the service, whether or not Autotask has a field for it.
    init(marker: String) { ending = " ~" + marker.prefix(8) }

    /// - Parameter maximumLength: in UTF-16 units, see ``ServiceFields/maximumNameLength``.
    func text(for name: String, maximumLength: Int?) -> String {
        var beginning = name.trimmed
        while let maximumLength, !beginning.isEmpty, beginning.utf16.count + ending.utf16.count > maximumLength { beginning.removeLast() }
        return beginning + ending
    }

    func isUsed(in name: String) -> Bool { name.hasSuffix(ending) }
}

extension JobError {
    /// What a message adds about a service that has a temporary name.
    static let temporaryNameText = " In Autotask it has a temporary name for now."

    /// The error for a service whose sync ended before it got its own name.
    static var leftWithTemporaryName: JobError {
        var error = JobError(.remoteRejected, "The sync stopped while services exchanged their names.", field: "name")
        error.addTemporaryName()
        return error
    }

    /// Adds that the service has a temporary name.
    mutating func addTemporaryName() {
        message += JobError.temporaryNameText
        hint = "Synchronize again to give it its own name."
    }
}
