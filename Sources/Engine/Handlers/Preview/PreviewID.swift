import Autotask
import Contract
import Store
import Vault

/// What a sync names to be held to a preview: until when, and two codes, of the plan that was previewed and of what Autotask showed.
///
/// It is all that there is of a preview: nothing is stored, so that any worker knows it again, and a reset has nothing to erase.
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

    /// - Parameter text: as a job holds it; `nil` for what no preview ever said.
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

    /// Why what is to be done now is not what was previewed; `nil` if it is.
    fileprivate func difference(to present: PreviewID) -> String? {
        if planCode != present.planCode { return "The plan is not the one that was previewed, or it was previewed before a reset." }
        if stateCode != present.stateCode { return "Services in Autotask have changed since the preview." }
        return nil
    }
}

extension JobContext {
    /// Why a sync must not be made that names a preview; `nil` if it is exactly what was previewed.
    func staleness(of previewID: String, of payload: SyncPayload, _ planned: PlannedSync) -> JobError? {
        func stale(_ reason: String) -> JobError { JobError(.planStale, "Nothing was changed. \(reason)", field: "data.previewId") }
        guard let named = PreviewID(previewID) else { return stale("No preview has this id.") }
        guard now < named.expiresAt else { return stale("The preview expired at \(named.expiresAt).") }
        return named.difference(to: PreviewID(payload, planned, self, expiresAt: named.expiresAt)).map(stale)
    }
}

// MARK: - What the codes cover

extension SyncPayload {
    /// What the plan wants, whatever its revision. What is acknowledged decides nothing but whether it may be done.
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
    /// Each service as it stands in Autotask, and what is to be written to it.
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
