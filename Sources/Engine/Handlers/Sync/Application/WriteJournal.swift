import Autotask
import Contract
import Store

/// The journal of one plan's writes during an attempt (`Rules`, "States"): `intended -> sent -> confirmed -> verified`.
///
/// The outcome of a write is noted at once. It reaches the disk with the `sent` of the next write, or with the job's completion.
struct WriteJournal {
    /// Entries and notes that are not on disk yet.
    struct Unsaved {
        var entries: [JournalEntry]
        /// The audit notes about them.
        var notes: [AuditNote]

        func add(to changes: inout LaneChanges) {
            changes.journal += entries
            changes.notes += notes
        }
    }

    private let memory: PlanMemory
    /// Entries that are not `verified`, by the service's key.
    private var open: [String: JournalEntry]
    /// Entries that are not on disk yet, one for each service.
    private var unsaved: [JournalEntry] = []
    /// By the service's key, the entry that the last write replaced.
    private var replaced: [String: JournalEntry] = [:]
    private var audit: WriteAudit

    /// - Parameter seal: seals the details for the audit log under the lane's key.
    init(_ memory: PlanMemory, seal: @escaping ([UInt8]) -> [UInt8]?) {
        self.memory = memory
        open = memory.openWrites
        audit = WriteAudit(planID: memory.planID, seal: seal)
    }

    /// Notes a planned write. An open entry of an earlier write stays, because it says more.
    mutating func intend(_ step: ServiceStep, at now: Timestamp) {
        if let entry = open[step.key], entry.state != .intended { return }
        record(step, .intended, at: now)
    }

    /// Takes the entries of linked services that ``LaneEffects/link(_:in:under:at:)`` has stored.
    mutating func link(_ entries: [JournalEntry]) { for entry in entries { open[entry.serviceKey] = entry } }

    /// Notes a write as sent. It goes to the network as soon as this is on disk.
    mutating func send(_ step: ServiceStep, _ write: ServiceWrite, at now: Timestamp) {
        resolve(step)
        var written = OwnWrites(open[step.key])
        // The service was read after an earlier attempt's writes.
        if open[step.key] == memory.openWrite(step.key) { written.keep(shownBy: step.service) }
        written.add(write.fields, over: step.history?.before)
        replaced[step.key] = open[step.key]
        record(step, .sent, written, at: now)
        audit.send(step, write)
    }

    /// Notes that Autotask confirmed the write.
    mutating func confirm(_ step: ServiceStep, serviceID: Int64, at now: Timestamp) {
        record(step, .confirmed, serviceID: serviceID, at: now)
        note(step, .confirmed, serviceID: serviceID)
    }

    /// Keeps a write open that may or may not have taken effect. Its entry counts as sent now, because it may have been delayed on its way.
    mutating func leaveOpen(_ step: ServiceStep, _ error: JobError, at now: Timestamp) {
        note(step, .unknown, error)
        record(step, .sent, at: now)
    }

    /// Notes Autotask's answer to an unresolved write: see ``isAnsweredAgain(_:_:)``.
    mutating func note(answer: String?, to step: ServiceStep) {
        guard let answer, var entry = open[step.key] else { return }
        entry.answer = answer
        open[step.key] = entry
        save(entry)
    }

    /// Whether an earlier attempt got the same answer to the same kind of write. The service was read in between, and the write had had no
    /// effect: otherwise this one may have one too.
    func isAnsweredAgain(_ answer: String?, _ step: ServiceStep) -> Bool {
        guard let answer, let earlier = memory.openWrite(step.key), earlier.state == .sent, earlier.answer == answer,
            earlier.operation == step.write?.operation
        else { return false }
        return !OwnWrites(earlier).lastIsShown(by: step.service)
    }

    /// Notes that Autotask refused the write.
    mutating func refuse(_ step: ServiceStep, _ error: JobError, at now: Timestamp) {
        note(step, .refused, error)
        settle(step.key, at: now)
    }

    /// Settles a service that needs no write. If it had an unresolved write, that is in Autotask.
    mutating func settleUnwritten(_ step: ServiceStep, at now: Timestamp) {
        resolve(step)
        settle(step.key, at: now)
    }

    /// Notes that Autotask shows something else than was written.
    mutating func contradict(_ step: ServiceStep, _ error: JobError, at now: Timestamp) {
        note(step, .differs, error)
        settle(step.key, at: now)
    }

    /// Withdraws a write that had no effect and that the service's binding does not reflect. An earlier open entry becomes current again.
    ///
    /// - Parameter error: why it had no effect; `nil` if it was not sent.
    mutating func withdraw(_ step: ServiceStep, _ error: JobError?, at now: Timestamp) {
        note(step, .notSent, error)
        guard let earlier = replaced[step.key], earlier.state != .intended else { return settle(step.key, at: now) }
        open[step.key] = earlier
        save(earlier)
    }

    /// Settles a service: its write was read back, or its binding holds its state.
    mutating func settle(_ key: String, at now: Timestamp) {
        guard var entry = open.removeValue(forKey: key) else { return }
        entry.state = .verified
        entry.at = now
        save(entry)
    }

    /// Settles a service whose last write Autotask confirmed, and whose binding holds its state.
    mutating func settleConfirmed(_ key: String, at now: Timestamp) {
        if open[key]?.state == .confirmed { settle(key, at: now) }
    }

    /// Settles all planned writes that will not be sent.
    mutating func settleIntended(at now: Timestamp) {
        guard !open.isEmpty else { return }
        for key in open.values.filter({ $0.state == .intended }).map(\.serviceKey).sorted() { settle(key, at: now) }
    }

    /// Takes the entries and notes that have to reach the disk now.
    mutating func takeUnsaved() -> Unsaved {
        defer { unsaved = [] }
        return Unsaved(entries: unsaved, notes: audit.takeNotes())
    }

    /// Notes for the audit log the outcome of an earlier attempt's unresolved write, now that the service was looked up.
    private mutating func resolve(_ step: ServiceStep) {
        guard let earlier = memory.openWrite(step.key), earlier.state == .sent, open[step.key] == earlier else { return }
        // An update has taken effect if the service does not need it any more.
        let isThere = step.service != nil && (earlier.operation == .create || step.write == nil || step.hasTemporaryName)
        audit.settle(step.key, earlier.operation, isThere ? .found : .absent, serviceID: step.service?.id ?? earlier.autotaskServiceID)
    }

    private mutating func note(_ step: ServiceStep, _ outcome: WriteAudit.Outcome, _ error: JobError? = nil, serviceID: Int64? = nil) {
        guard let operation = step.write?.operation else { return }
        audit.settle(step.key, operation, outcome, serviceID: serviceID ?? step.service?.id, code: error?.code)
    }

    /// - Parameter written: `nil` for what the open entry says.
    private mutating func record(
        _ step: ServiceStep,
        _ state: JournalEntry.State,
        _ written: OwnWrites? = nil,
        serviceID: Int64? = nil,
        at now: Timestamp
    ) {
        guard let operation = step.write?.operation else { return }
        let entry = JournalEntry(
            planID: memory.planID,
            serviceKey: step.key,
            operation: operation,
            state: state,
            autotaskServiceID: serviceID ?? step.service?.id,
            name: state == .sent ? step.write?.identifyingName : nil,
            written: written.map(\.encoded) ?? open[step.key]?.written,
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
    fileprivate var identifyingName: String? {
        id == nil && marker == nil ? fields.name : nil
    }
}
