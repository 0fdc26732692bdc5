import Autotask
import Contract
import Store

/// The journal of one plan's writes, as an attempt keeps it (`Rules`, "States"): `intended -> sent -> confirmed -> verified`.
///
/// What becomes of a write is put down at once, and reaches the disk with what comes next: with the `sent` of the next write, or with the
/// job's completion.
struct WriteJournal {
    /// What is not on disk yet.
    struct Unsaved {
        var entries: [JournalEntry]
        /// What the audit log is told of them.
        var notes: [AuditNote]

        func add(to changes: inout LaneChanges) {
            changes.journal += entries
            changes.notes += notes
        }
    }

    private let memory: PlanMemory
    /// Entries that are not `verified`, by the service's key.
    private var open: [String: JournalEntry]
    /// Not on disk yet, one for each service.
    private var unsaved: [JournalEntry] = []
    private var audit: WriteAudit

    /// - Parameter seal: seals what only the lane's key may show in the audit log.
    init(_ memory: PlanMemory, seal: @escaping ([UInt8]) -> [UInt8]?) {
        self.memory = memory
        open = memory.openWrites
        audit = WriteAudit(planID: memory.planID, seal: seal)
    }

    /// A write is planned. What is open from before still knows more.
    mutating func intend(_ step: ServiceStep, at now: Timestamp) {
        if let entry = open[step.key], entry.state != .intended { return }
        record(step, .intended, at: now)
    }

    /// Services are linked to keys of the plan, on record with ``LaneEffects/link(_:in:under:at:)``.
    mutating func link(_ entries: [JournalEntry]) { for entry in entries { open[entry.serviceKey] = entry } }

    /// A write goes to the network as soon as this is on disk.
    mutating func send(_ step: ServiceStep, _ write: ServiceWrite, at now: Timestamp) {
        resolve(step)
        record(step, .sent, at: now)
        audit.send(step, write)
    }

    /// Autotask confirmed the write.
    mutating func confirm(_ step: ServiceStep, serviceID: Int64, at now: Timestamp) {
        record(step, .confirmed, serviceID, at: now)
        tell(step, .confirmed, serviceID: serviceID)
    }

    /// The write may have taken effect or not: it stays on record as sent now, at the earliest. It may have been delayed on its way.
    mutating func leaveOpen(_ step: ServiceStep, _ error: JobError, at now: Timestamp) {
        tell(step, .unknown, error)
        record(step, .sent, at: now)
    }

    /// Autotask's answer to a write whose outcome is open: see ``isAnsweredAgain(_:_:)``.
    mutating func note(answer: String?, to step: ServiceStep) {
        guard let answer, var entry = open[step.key] else { return }
        entry.answer = answer
        open[step.key] = entry
        save(entry)
    }

    /// Whether an earlier attempt got the same answer to the same kind of write. The service was read since, and the write had no effect.
    func isAnsweredAgain(_ answer: String?, _ step: ServiceStep) -> Bool {
        guard let answer, let earlier = memory.openWrite(step.key) else { return false }
        return earlier.state == .sent && earlier.answer == answer && earlier.operation == step.write?.operation
    }

    /// Autotask refused the write.
    mutating func refuse(_ step: ServiceStep, _ error: JobError, at now: Timestamp) {
        tell(step, .refused, error)
        settle(step.key, at: now)
    }

    /// The service needs no write: if one was open whose outcome was not known, it is in Autotask.
    mutating func settleUnwritten(_ step: ServiceStep, at now: Timestamp) {
        resolve(step)
        settle(step.key, at: now)
    }

    /// The write was read back, and Autotask shows something else.
    mutating func contradict(_ step: ServiceStep, _ error: JobError, at now: Timestamp) {
        tell(step, .differs, error)
        settle(step.key, at: now)
    }

    /// The write that was to go did not take effect, and the service's binding does not know of it: what was open before is open again.
    ///
    /// - Parameter error: why; `nil` if it was not even sent.
    mutating func withdraw(_ step: ServiceStep, _ error: JobError?, at now: Timestamp) {
        tell(step, .notSent, error)
        guard let earlier = memory.openWrite(step.key), earlier.state != .intended else { return settle(step.key, at: now) }
        open[step.key] = earlier
        save(earlier)
    }

    /// Nothing is left open about a service: its write was read back, or its binding tells how it stands.
    mutating func settle(_ key: String, at now: Timestamp) {
        guard var entry = open.removeValue(forKey: key) else { return }
        entry.state = .verified
        entry.at = now
        save(entry)
    }

    /// Settles all that was planned and is not going to be sent.
    mutating func settleIntended(at now: Timestamp) {
        guard !open.isEmpty else { return }
        for key in open.values.filter({ $0.state == .intended }).map(\.serviceKey).sorted() { settle(key, at: now) }
    }

    /// Takes what has to reach the disk now.
    mutating func takeUnsaved() -> Unsaved {
        defer { unsaved = [] }
        return Unsaved(entries: unsaved, notes: audit.takeNotes())
    }

    /// Tells the audit log what became of a write of an earlier attempt that nobody knew of: the service was looked for since.
    private mutating func resolve(_ step: ServiceStep) {
        guard let earlier = memory.openWrite(step.key), earlier.state == .sent, open[step.key] == earlier else { return }
        // An update that was found again is one that the service does not need any more.
        let isThere = step.service != nil && (earlier.operation == .create || step.write == nil || step.hasTemporaryName)
        audit.settle(step.key, earlier.operation, isThere ? .found : .absent, serviceID: step.service?.id ?? earlier.autotaskServiceID)
    }

    private mutating func tell(_ step: ServiceStep, _ outcome: WriteAudit.Outcome, _ error: JobError? = nil, serviceID: Int64? = nil) {
        guard let operation = step.write?.operation else { return }
        audit.settle(step.key, operation, outcome, serviceID: serviceID ?? step.service?.id, code: error?.code)
    }

    private mutating func record(_ step: ServiceStep, _ state: JournalEntry.State, _ serviceID: Int64? = nil, at now: Timestamp) {
        guard let operation = step.write?.operation else { return }
        let entry = JournalEntry(
            planID: memory.planID,
            serviceKey: step.key,
            operation: operation,
            state: state,
            autotaskServiceID: serviceID ?? step.service?.id,
            name: state == .sent ? step.write?.tellingName : nil,
            at: now
        )
        open[step.key] = entry
        save(entry)
    }

    private mutating func save(_ entry: JournalEntry) {
        if let index = unsaved.firstIndex(where: { $0.serviceKey == entry.serviceKey }) { unsaved.remove(at: index) }
        unsaved.append(entry)
    }
}

extension ServiceWrite {
    /// The name of a service that is created without an ownership marker: only the name identifies it if the answer is lost.
    fileprivate var tellingName: String? {
        id == nil && marker == nil ? fields.name : nil
    }
}
