import Autotask
import Contract
import Store

/// The audit notes of a plan's writes: one before each write is sent, and one for its outcome.
struct WriteAudit {
    /// The outcome of a write.
    enum Outcome: String {
        /// Autotask accepted it.
        case confirmed
        /// Autotask refused it.
        case refused
        /// It was not sent, or Autotask rejected it unread.
        case notSent
        /// Not known yet: it may have taken effect.
        case unknown
        /// The outcome was unknown for some time, then the worker found it in Autotask.
        case found
        /// The outcome was unknown for some time, and it is not in Autotask.
        case absent
        /// Autotask accepted it, and shows something else.
        case differs
    }

    private let planID: String
    /// Returns `nil` if sealing is not possible: then the details are left out.
    private let seal: ([UInt8]) -> [UInt8]?
    private var notes: [AuditNote] = []

    init(planID: String, seal: @escaping ([UInt8]) -> [UInt8]?) {
        self.planID = planID
        self.seal = seal
    }

    /// Notes that a write is about to be sent.
    mutating func send(_ step: ServiceStep, _ write: ServiceWrite) {
        var facts = facts(step.key, write.operation, step.service?.id)
        facts["fields"] = .array(write.fields.given.map { .string($0.contractName) })
        notes.append(AuditNote(.writeSent, facts: facts, sealed: seal(details(step, write))))
    }

    /// - Parameter code: the code of its error.
    mutating func settle(_ key: String, _ operation: JournalEntry.Operation, _ outcome: Outcome, serviceID: Int64?, code: ErrorCode? = nil)
    {
        var facts = facts(key, operation, serviceID)
        facts["outcome"] = .string(outcome.rawValue)
        if let code { facts["code"] = .string(code.rawValue) }
        notes.append(AuditNote(.writeSettled, facts: facts))
    }

    /// Takes the notes that have to reach the disk now.
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

    /// The managed fields before and after the write: `{"before": {…}, "after": {…}}`, with `null` before a create.
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
