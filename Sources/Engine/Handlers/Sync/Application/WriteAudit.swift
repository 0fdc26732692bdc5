import Autotask
import Contract
import Store

/// What the audit log is told of a plan's writes: each before it is sent, and what became of it.
struct WriteAudit {
    /// What became of a write.
    enum Outcome: String {
        /// Autotask said that it took it.
        case confirmed
        /// Autotask refused it.
        case refused
        /// It never left, or Autotask turned it away unread.
        case notSent
        /// Nobody knows yet: it may have taken effect.
        case unknown
        /// It was not known for some time, and then seen in Autotask.
        case found
        /// It was not known for some time, and is not in Autotask.
        case absent
        /// Autotask said that it took it, and shows something else.
        case differs
    }

    private let planID: String
    /// `nil` where it cannot be sealed: then it is not told.
    private let seal: ([UInt8]) -> [UInt8]?
    private var notes: [AuditNote] = []

    init(planID: String, seal: @escaping ([UInt8]) -> [UInt8]?) {
        self.planID = planID
        self.seal = seal
    }

    /// A write is about to be sent.
    mutating func send(_ step: ServiceStep, _ write: ServiceWrite) {
        var facts = facts(step.key, write.operation, step.service?.id)
        facts["fields"] = .array(write.fields.given.map { .string($0.contractName) })
        notes.append(AuditNote(.writeSent, facts: facts, sealed: seal(details(step, write))))
    }

    /// - Parameter code: of the error that it came to.
    mutating func settle(_ key: String, _ operation: JournalEntry.Operation, _ outcome: Outcome, serviceID: Int64?, code: ErrorCode? = nil)
    {
        var facts = facts(key, operation, serviceID)
        facts["outcome"] = .string(outcome.rawValue)
        if let code { facts["code"] = .string(code.rawValue) }
        notes.append(AuditNote(.writeSettled, facts: facts))
    }

    /// Takes what has to reach the disk now.
    mutating func takeNotes() -> [AuditNote] {
        defer { notes = [] }
        return notes
    }

    private func facts(_ key: String, _ operation: JournalEntry.Operation, _ serviceID: Int64?) -> JSONObject {
        [
            "operation": .string(operation.rawValue), "planId": .string(planID), "serviceKey": .string(key),
            "autotaskServiceId": serviceID.map { JSON($0) } ?? .null,
        ]
    }

    /// The managed fields as they were read, and as they are to be: `{"before": {…}, "after": {…}}`, the first `null` for a create.
    private func details(_ step: ServiceStep, _ write: ServiceWrite) -> [UInt8] {
        let before = step.service?.fields
        var output = Array("{\"before\":".utf8)
        output.append(contentsOf: before?.encoded ?? Array("null".utf8))
        output.append(contentsOf: ",\"after\":".utf8)
        output.append(contentsOf: write.fields.applied(to: before ?? ManagedFields()).encoded)
        output.append(UInt8(ascii: "}"))
        return output
    }
}
