import Autotask
import Contract
import Store

/// What the lane remembers about one plan's services.
///
/// A binding holds what was last seen in Autotask. A write that was made but not seen there yet is only in the journal, however its attempt
/// ended. So a sync continues in one way after a crash, a pause or a superseded job.
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

    /// The service in Autotask that a key is linked to. The journal has precedence, because it is newer than the binding. A planned write
    /// links nothing.
    func serviceID(_ key: String) -> Int64? { writtenID(key) ?? bindings[key]?.autotaskServiceID }

    private func writtenID(_ key: String) -> Int64? {
        guard let write = openWrites[key], write.state != .intended else { return nil }
        return write.autotaskServiceID
    }

    /// A create whose answer was lost; `nil` if there is none.
    func lostCreate(_ key: String) -> JournalEntry? {
        guard let write = openWrites[key], write.operation == .create, write.state == .sent else { return nil }
        return write
    }

    /// The last reported status. An update whose answer was lost counts as an attempt with an error until it is settled (`Rules` L28).
    func status(_ key: String) -> ServiceStatus {
        if let write = openWrites[key], write.operation == .update, write.state == .sent { return .error }
        return bindings[key]?.status ?? .notSynced
    }

    /// The keys, sorted, that were or may have been synced before and that the payload names neither in services nor in retired.
    func missingKeys(of payload: SyncPayload) -> [String] {
        let known = payload.services.count { bindings[$0.key] != nil }
        guard known < bindings.count || !openWrites.isEmpty else { return [] }
        let bound = bindings.values.filter { $0.autotaskServiceID != nil || $0.lastSyncedAt != nil }.map(\.serviceKey)
        let written = openWrites.values.filter { $0.state != .intended }.map(\.serviceKey)
        return Set(bound + written).subtracting(payload.services.map(\.key)).subtracting(payload.retired).sorted()
    }

    /// Why a payload is not the whole plan: it neither keeps nor retires a known service. `nil` if it is whole.
    func incompleteness(of payload: SyncPayload) -> JobError? {
        let missing = missingKeys(of: payload)
        guard !missing.isEmpty else { return nil }
        return JobError(
            .planIncomplete,
            "The plan lacks services that were synchronized before: \(missing.joined(separator: ", ")).",
            field: "data.services"
        )
    }

    /// Ids of services whose cost was empty when they were last seen.
    var idsWithoutCost: Set<Int64> {
        Set(
            bindings.values.lazy.filter { $0.lastSeen.map { $0.fields.unitCost == nil } ?? false }.compactMap(\.autotaskServiceID)
        )
    }

    /// Whether the lane remembers anything about a key.
    func knows(_ key: String) -> Bool { bindings[key] != nil || openWrites[key] != nil }
}

extension LaneState {
    /// The time until which a write with a lost answer may still take effect in Autotask; `nil` if there is none. Until then the worker
    /// neither looks up nor writes anything: a late update would change a service that was reported as Synced (`Decisions` 7 and 13).
    func unsettledUntil(settleTime: Duration, now: Timestamp) -> Timestamp? {
        [lastSentWrite, unsettledSince].compactMap { $0.map { $0 + settleTime } }.filter { $0 > now }.max()
    }
}
