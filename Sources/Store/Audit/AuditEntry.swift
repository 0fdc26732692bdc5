package import Contract

/// The content of one row of the audit log: who asked, what was done, when, and by whom.
///
/// Its words are plain text, not values of a closed vocabulary: the worker must be able to read a row that somebody changed.
/// Only ``sealed`` holds names and prices. No row holds a secret or the name of an API user.
package struct AuditEntry: Hashable, Sendable {
    package enum Action: String, CaseIterable, Sendable {
        /// An attempt ended; the job may have ended with it.
        case attemptEnded = "attempt.ended"
        /// A worker died, or had to stop, during an attempt.
        case attemptInterrupted = "attempt.interrupted"
        /// A job ended without a run: it was refused, superseded, expired or given up.
        case jobEnded = "job.ended"
        /// A write to Autotask is about to be sent. Every write that reached Autotask has such a row.
        case writeSent = "write.sent"
        /// The outcome of a write.
        case writeSettled = "write.settled"
        case letterRedriven = "letter.redriven"
        case lettersPurged = "letters.purged"
        /// An operator ordered an operation over dead letters.
        case operationBegun = "operation.begun"
        /// Such an operation is over, or an operator cancelled it.
        case operationEnded = "operation.ended"
        /// An operator ended a job's wait for its next attempt.
        case jobHastened = "job.hastened"
        /// An operator gave up on a job.
        case jobGivenUp = "job.given-up"
        case pauseBegun = "pause.begun"
        /// A pause ended, by an operator or because its time was over.
        case pauseEnded = "pause.ended"
        case storeRestored = "store.restored"
        case storeBackedUp = "store.backed-up"
        /// The store and its key ring were paired.
        case storePaired = "store.paired"
        case keysRotated = "keys.rotated"
        /// Credentials keys were wrapped again, with the active key.
        case keysRewrapped = "keys.rewrapped"
        /// A key is about to be destroyed.
        case keyRetired = "key.retired"
        /// A worker took changed settings from its settings file.
        case settingsReloaded = "settings.reloaded"
        /// The first row of every log.
        case logBegan = "log.began"
        /// The worker found the end of the log changed when it wrote the next row.
        case logBroken = "log.broken"
    }

    package var at: Timestamp
    /// The text of an ``Action``.
    package var action: String
    /// The text of an ``AuditActor``.
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

/// The actor of an entry in the audit log.
package enum AuditActor: Hashable, Sendable, LosslessStringConvertible {
    case worker(WorkerID)
    /// The id of the system user that ran a command.
    case systemUser(UInt32)

    package var description: String {
        switch self {
        case .worker(let id): "worker:\(id)"
        case .systemUser(let id): "user:\(id)"
        }
    }

    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts.first, parts.last) {
        case ("worker", let id?) where parts.count == 2: self = .worker(WorkerID(id))
        case ("user", let text?):
            guard let id = UInt32(text) else { return nil }
            self = .systemUser(id)
        default: return nil
        }
    }
}

/// A handler's note for the audit log. The store adds the actor, the time and the job.
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
