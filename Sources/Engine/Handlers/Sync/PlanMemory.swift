import Contract
import Store

/// What the lane remembers of one plan's services.
///
/// A binding tells what was last seen in Autotask. A write that was made but not seen there yet stands in the journal alone, whichever way the
/// attempt that made it ended: so there is one way to go on, after a crash, a pause, or a job that another replaced.
struct PlanMemory {
    let planID: String
    private let bindings: [String: ServiceBinding]
    /// By the service's key.
    let openWrites: [String: JournalEntry]

    init(_ state: LaneState, planID: String) {
        self.planID = planID
        bindings = Dictionary(state.bindings.lazy.filter { $0.planID == planID }.map { ($0.serviceKey, $0) }) { $1 }
        openWrites = Dictionary(state.openWrites.lazy.filter { $0.planID == planID }.map { ($0.serviceKey, $0) }) { $1 }
    }

    func binding(_ key: String) -> ServiceBinding? { bindings[key] }

    func openWrite(_ key: String) -> JournalEntry? { openWrites[key] }

    /// The service in Autotask that stands for a key: the journal knows of a newer one than the binding.
    func serviceID(_ key: String) -> Int64? { openWrites[key]?.autotaskServiceID ?? bindings[key]?.autotaskServiceID }

    func status(_ key: String) -> ServiceStatus { bindings[key]?.status ?? .notSynced }

    /// Keys that were synced before, or may have been, and that the payload names neither under services nor under retired, sorted.
    func missingKeys(of payload: SyncPayload) -> [String] {
        let known = payload.services.count { bindings[$0.key] != nil }
        guard known < bindings.count || !openWrites.isEmpty else { return [] }
        let bound = bindings.values.filter { $0.autotaskServiceID != nil || $0.lastSyncedAt != nil }.map(\.serviceKey)
        let written = openWrites.values.filter { $0.autotaskServiceID != nil || $0.state == .sent }.map(\.serviceKey)
        return Set(bound + written).subtracting(payload.services.map(\.key)).subtracting(payload.retired).sorted()
    }

    /// Why a payload is not the whole plan: a service is told neither to stay nor to go. `nil` if it is.
    func incompleteness(of payload: SyncPayload) -> JobError? {
        let missing = missingKeys(of: payload)
        guard !missing.isEmpty else { return nil }
        return JobError(
            .planIncomplete,
            "The plan lacks what was synchronized before: \(missing.joined(separator: ", ")).",
            field: "data.services"
        )
    }

    /// Whether anything is remembered of a key.
    func knows(_ key: String) -> Bool { bindings[key] != nil || openWrites[key] != nil }
}

extension LaneState {
    /// Until when a create whose answer was lost may still appear in Autotask; `nil` if there is none. Nothing is looked up before, and
    /// nothing written (design decision 7).
    func unsettledUntil(settleTime: Duration, now: Timestamp) -> Timestamp? {
        [lastSentCreate, unsettledSince].compactMap { $0.map { $0 + settleTime } }.filter { $0 > now }.max()
    }
}
