import Contract
import Store

extension LaneState {
    private var lastUnsettled: Timestamp? {
        (openWrites.filter { $0.state == .sent }.map(\.at) + [unsettledSince].compactMap { $0 }).max()
    }

    /// The state after a job, as a store keeps it.
    func applying(_ changes: LaneChanges) -> LaneState {
        if changes.resets {
            var state = LaneState(epoch: epoch + 1, isEligible: isEligible, unsettledSince: lastUnsettled)
            state.refusedCredentials = refusedCredentials
            return state
        }
        var state = self
        changes.connection.apply(to: &state.connection)
        switch changes.refusedCredentials {
        case .keep: break
        case .remember(let refused): state.refusedCredentials = state.refusedCredentials.filter { $0.digest != refused.digest } + [refused]
        case .forget(let digest): state.refusedCredentials.removeAll { $0.digest == digest }
        }
        changes.billingCodes.apply(to: &state.billingCodes)
        state.isEligible = isEligible || changes.becomesEligible
        state.isEnabled = isEnabled || changes.becomesEnabled
        if changes.removesBindings {
            state.unsettledSince = lastUnsettled
            (state.bindings, state.openWrites, state.driftDigest) = ([], [], nil)
        }
        if changes.becomesSettled { state.unsettledSince = nil }
        changes.driftDigest.apply(to: &state.driftDigest)
        for binding in changes.bindings {
            state.bindings.removeAll { $0.planID == binding.planID && $0.serviceKey == binding.serviceKey }
            state.bindings.append(binding)
        }
        for (planID, key) in changes.retired { state.bindings.removeAll { $0.planID == planID && $0.serviceKey == key } }
        for entry in changes.journal {
            state.openWrites.removeAll { $0.planID == entry.planID && $0.serviceKey == entry.serviceKey }
            if entry.state != .verified { state.openWrites.append(entry) }
        }
        return state
    }
}

extension LaneState {
    /// The state as a claim hands it over: a job without a plan gets no plan's services.
    func shown(to kind: JobKind) -> LaneState {
        var state = self
        state.hasBindings = !bindings.isEmpty
        state.hasOpenWrites = !openWrites.isEmpty
        state.lastSentWrite = openWrites.filter { $0.state == .sent }.map(\.at).max()
        if kind != .sync, kind != .preview { (state.bindings, state.openWrites) = ([], []) }
        return state
    }
}

extension LaneChanges.Change {
    func apply(to value: inout Value?) {
        switch self {
        case .keep: break
        case .set(let new): value = new
        case .remove: value = nil
        }
    }
}
