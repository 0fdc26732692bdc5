package import Contract

/// What one row of the audit log tells: who asked, what was done, when, and by whom.
///
/// Its words are texts rather than the closed vocabularies that they come from: a row that somebody has changed has to be read to be found out.
/// Names and prices stand in ``sealed`` alone; nothing in it is ever a secret or the name of an API user.
package struct AuditEntry: Hashable, Sendable {
    package enum Action: String, CaseIterable, Sendable {
        /// A job's attempt ended, with the job or without.
        case attemptEnded = "attempt.ended"
        /// A worker died, or was told to finish, in the middle of an attempt.
        case attemptInterrupted = "attempt.interrupted"
        /// A job ended without being run: refused at the door, superseded, expired or given up.
        case jobEnded = "job.ended"
        /// A write to Autotask is about to be sent. Whatever Autotask took has such a row from before.
        case writeSent = "write.sent"
        /// What became of a write.
        case writeSettled = "write.settled"
        case letterRedriven = "letter.redriven"
        case lettersPurged = "letters.purged"
        case storeRestored = "store.restored"
        case storeBackedUp = "store.backed-up"
        /// The store and its key ring belong together from now on.
        case storePaired = "store.paired"
        case keysRotated = "keys.rotated"
        /// Credentials keys were wrapped by the active key.
        case keysRewrapped = "keys.rewrapped"
        /// A key is about to be destroyed.
        case keyRetired = "key.retired"
        /// The first row of every log.
        case logBegan = "log.began"
        /// The log's end was not as it had been left when the next row was to be written.
        case logBroken = "log.broken"
    }

    package var at: Timestamp
    /// An ``Action``'s.
    package var action: String
    /// An ``AuditActor``'s.
    package var actor: String
    package var tenant: String?
    package var product: String?
    package var jobID: String?
    /// The broker user that published the job.
    package var publisher: String?
    /// The text of a JSON object: ids, keys, codes and counts.
    package var facts: String
    /// Names and prices, sealed under the lane's credentials key: a reset makes them unreadable.
    package var sealed: [UInt8]?

    package init(
        at: Timestamp,
        action: String,
        actor: String,
        tenant: String? = nil,
        product: String? = nil,
        jobID: String? = nil,
        publisher: String? = nil,
        facts: String,
        sealed: [UInt8]? = nil
    ) {
        self.at = at
        self.action = action
        self.actor = actor
        self.tenant = tenant
        self.product = product
        self.jobID = jobID
        self.publisher = publisher
        self.facts = facts
        self.sealed = sealed
    }
}

/// Who did what the audit log tells of.
package enum AuditActor: Hashable, Sendable, CustomStringConvertible {
    case worker(WorkerID)
    /// The id of the system user that ran a command.
    case systemUser(UInt32)

    package var description: String {
        switch self {
        case .worker(let id): "worker:\(id)"
        case .systemUser(let id): "user:\(id)"
        }
    }
}

/// What a handler has to tell the audit log while it works. Who, when and for which job is the store's to add.
package struct AuditNote: Hashable, Sendable {
    package var action: AuditEntry.Action
    package var facts: JSONObject
    /// See ``AuditEntry/sealed``.
    package var sealed: [UInt8]?

    package init(_ action: AuditEntry.Action, facts: JSONObject, sealed: [UInt8]? = nil) {
        self.action = action
        self.facts = facts
        self.sealed = sealed
    }
}
