import Autotask
import Contract
import Store

/// The journal of one plan's writes, as an attempt keeps it (`rules.md` 4): `intended -> sent -> confirmed -> verified`.
///
/// What becomes of a write is put down at once, and reaches the disk with what comes next: with the `sent` of the next write, or with the
/// job's completion.
struct WriteJournal {
    private let memory: PlanMemory
    /// Entries that are not `verified`, by the service's key.
    private var open: [String: JournalEntry]
    /// Not on disk yet, one for each service.
    private var unsaved: [JournalEntry] = []

    init(_ memory: PlanMemory) {
        self.memory = memory
        open = memory.openWrites
    }

    /// A write is planned. What is open from before still knows more.
    mutating func intend(_ step: ServiceStep, at now: Timestamp) {
        if let entry = open[step.key], entry.state != .intended { return }
        record(step, .intended, at: now)
    }

    /// A write goes to the network as soon as this is on disk.
    mutating func send(_ step: ServiceStep, at now: Timestamp) { record(step, .sent, at: now) }

    /// Autotask confirmed the write.
    mutating func confirm(_ step: ServiceStep, serviceID: Int64, at now: Timestamp) { record(step, .confirmed, serviceID, at: now) }

    /// The write that was to go did not take effect, and the service's binding does not know of it: what was open before is open again.
    mutating func withdraw(_ step: ServiceStep, at now: Timestamp) {
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
    mutating func takeUnsaved() -> [JournalEntry] {
        defer { unsaved = [] }
        return unsaved
    }

    private mutating func record(_ step: ServiceStep, _ state: JournalEntry.State, _ serviceID: Int64? = nil, at now: Timestamp) {
        guard let operation = step.write?.operation else { return }
        let entry = JournalEntry(
            planID: memory.planID,
            serviceKey: step.key,
            operation: operation,
            state: state,
            autotaskServiceID: serviceID ?? step.service?.id,
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
