package import Contract

/// A dead letter as the store has it.
package struct KeptLetter: Hashable, Sendable {
    /// The copy that it was redriven as.
    package struct Copy: Hashable, Sendable {
        package var id: JobID
        package var at: Timestamp

        package init(id: JobID, at: Timestamp) {
            self.id = id
            self.at = at
        }
    }

    /// Why a letter cannot be redriven.
    package enum Obstacle: String, Error {
        /// It was, already.
        case redriven
        /// The message's body was not kept: it is no valid job, its publisher is not trusted, or it holds a secret in the clear.
        case bodyNotKept = "body_not_kept"
        /// A connect that was accepted holds credentials, which are not kept with it.
        case connect
        /// A reset was accepted since; or, of a sync without a revision, a newer sync; or, of a reset or of a connect that was not delivered, a
        /// connect.
        case outdated
        /// A reset, age, or the restoring of the store from a backup has erased it.
        case erased
        /// The key ring does not open it, or this version does not understand it. The store itself never says so.
        case unopenable
    }

    /// Rises, and is never used again.
    package var id: Int64
    package var letter: DeadLetter
    package var hasPayload: Bool
    /// See ``Obstacle/outdated``.
    package var isOutdated: Bool
    package var copy: Copy?

    package init(id: Int64, letter: DeadLetter, hasPayload: Bool, isOutdated: Bool, copy: Copy?) {
        self.id = id
        self.letter = letter
        self.hasPayload = hasPayload
        self.isOutdated = isOutdated
        self.copy = copy
    }

    /// `nil` for a letter that can be redriven.
    package var obstacle: Obstacle? {
        if copy != nil { return .redriven }
        switch letter.content {
        case .job: if letter.cause.kind == .connect { return .connect }
        case .message(let message): if message.job == nil { return .bodyNotKept }
        }
        if isOutdated { return .outdated }
        return hasPayload ? nil : .erased
    }
}

/// What came of redriving a letter.
package enum RedriveOutcome: Hashable, Sendable {
    case entered
    /// It was before, as this copy.
    case before(KeptLetter.Copy)
    case refused(KeptLetter.Obstacle)
    /// Another job has the copy's id.
    case idTaken
    /// There is no such letter any more.
    case gone
}
