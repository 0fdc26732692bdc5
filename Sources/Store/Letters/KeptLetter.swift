package import Contract

/// A dead letter in the store.
package struct KeptLetter: Hashable, Sendable {
    /// The copy that a redrive entered.
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
        /// It has already been redriven.
        case redriven
        /// The message's body was not kept: it is not a valid job, its publisher is not trusted, or it holds a secret in the clear.
        case bodyNotKept = "body_not_kept"
        /// An accepted connect holds credentials, which are not kept.
        case connect
        /// A reset was accepted since. For a sync without a revision, a newer sync has the same effect. For a reset, and for a connect that
        /// was not delivered, a newer connect has.
        case outdated
        /// A reset, its age or a restore of the store from a backup has erased it.
        case erased
        /// The key ring cannot open it, or this version does not understand it. The store itself never returns this.
        case unopenable
    }

    /// Ids rise, and are never used twice.
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

/// The outcome of a redrive.
package enum RedriveOutcome: Hashable, Sendable {
    case entered
    /// It was redriven before, as this copy.
    case before(KeptLetter.Copy)
    case refused(KeptLetter.Obstacle)
    /// Another job has the copy's id.
    case idTaken
    /// The letter no longer exists.
    case gone
}
