import Autotask
import Contract
import Store
import Vault

/// The id by which a sync refers to a preview. It holds an expiry and two codes: one of the previewed plan, one of what Autotask showed.
///
/// No other record of a preview exists, so any worker can check it, and a reset has nothing to erase.
struct PreviewID {
    let expiresAt: Timestamp
    private let planCode: [UInt8]
    private let stateCode: [UInt8]

    init(_ payload: SyncPayload, _ planned: PlannedSync, _ context: JobContext, expiresAt: Timestamp) {
        self.expiresAt = expiresAt
        var about: [UInt8] = []
        about.append(field: context.lane.description.utf8)
        about.append(field: String(context.state.epoch).utf8)
        about.append(field: String(expiresAt.millisecondsSinceEpoch).utf8)
        planCode = context.vault.previewCode(of: about + payload.canonical)
        stateCode = context.vault.previewCode(of: about + planned.canonical)
    }

    /// - Parameter text: the id in a job; `nil` if no preview can have returned it.
    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count <= 16, let milliseconds = Int64(parts[0], radix: 16), milliseconds >= 0,
            milliseconds < PreviewID.endOfTime, let planCode = Base64URL.decode(String(parts[1])),
            let stateCode = Base64URL.decode(String(parts[2]))
        else { return nil }
        expiresAt = Timestamp(millisecondsSinceEpoch: milliseconds)
        self.planCode = planCode
        self.stateCode = stateCode
    }

    /// The year 10000, in milliseconds.
    private static let endOfTime: Int64 = 253_402_300_800_000

    var text: String {
        let moment = String(expiresAt.millisecondsSinceEpoch, radix: 16)
        return "\(moment).\(Base64URL.encode(planCode)).\(Base64URL.encode(stateCode))"
    }

    /// Why the present plan or state differs from the preview; `nil` if it does not.
    fileprivate func difference(to present: PreviewID) -> String? {
        if planCode != present.planCode { return "The plan is not the one that was previewed, or it was previewed before a reset." }
        if stateCode != present.stateCode { return "Services in Autotask have changed since the preview." }
        return nil
    }
}

extension JobContext {
    /// Why a sync that refers to a preview must not run; `nil` if it would do exactly what was previewed.
    func staleness(of previewID: String, of payload: SyncPayload, _ planned: PlannedSync) -> JobError? {
        func stale(_ reason: String) -> JobError { JobError(.planStale, "Nothing was changed. \(reason)", field: "data.previewId") }
        guard let named = PreviewID(previewID) else { return stale("No preview has this id.") }
        guard now < named.expiresAt else { return stale("The preview expired at \(named.expiresAt).") }
        return named.difference(to: PreviewID(payload, planned, self, expiresAt: named.expiresAt)).map(stale)
    }
}

// MARK: - What the codes cover

extension SyncPayload {
    /// What the plan wants. Revision and acknowledgements are left out, because they do not change what is written.
    fileprivate var canonical: [UInt8] {
        var output: [UInt8] = []
        output.append(field: planID.utf8)
        for service in services {
            output.append(field: service.key.utf8)
            output.append(field: service.kind.rawValue.utf8)
            output.append(field: service.name.utf8)
            output.append(field: (service.period.value?.rawValue ?? "").utf8)
            output.append(field: (service.unitCost.value?.description ?? "").utf8)
            output.append(field: (service.unitPrice.value?.description ?? "").utf8)
            output.append(field: "\(service.billingCodeID.value ?? 0)".utf8)
            output.append(field: "\(adopted[service.key] ?? 0)".utf8)
        }
        for key in retired.sorted() { output.append(field: key.utf8) }
        return output
    }
}

extension PlannedSync {
    /// Each service as Autotask shows it, and what is to be written to it.
    fileprivate var canonical: [UInt8] {
        var output: [UInt8] = []
        guard case .steps(let steps, let turns) = self else {
            output.append(field: "invalid".utf8)
            return output
        }
        for turn in turns { output.append(field: "\(turn)".utf8) }
        for step in steps {
            output.append(field: step.key.utf8)
            output.append(field: "\(step.service?.id ?? 0) \(step.service?.isActive.map(String.init) ?? "")".utf8)
            output.append(field: step.service?.fields.encoded ?? [])
            output.append(field: step.service?.marker?.utf8.map { $0 } ?? [])
            output.append(field: step.detour?.canonical ?? [])
            output.append(field: step.write?.canonical ?? [])
        }
        return output
    }
}

extension ServiceWrite {
    fileprivate var canonical: [UInt8] {
        var output: [UInt8] = []
        func append(_ text: String?) { output.append(field: (text.map { "=" + $0 } ?? "").utf8) }
        append(id == nil ? "create" : "update")
        if let id { append(String(id)) }
        for field in ManagedField.allCases { append(fields[field]?.description) }
        append(marker?.value)
        return output
    }
}
