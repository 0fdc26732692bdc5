import Contract

extension ServiceStep {
    /// Its warnings that stop the batch. What is not written stops nothing.
    func unacknowledged(_ acknowledged: Set<Acknowledgement>) -> [Warning] {
        guard write != nil else { return [] }
        return warnings.filter { warning in warning.needsAcknowledgement && !acknowledged.contains { $0.covers(warning) } }
    }
}

extension JobError {
    /// So many warnings are named in a message.
    private static let named = 10

    /// Why a batch is not written: `nil` if nothing stands against it.
    init?(unacknowledgedOf steps: [ServiceStep], _ payload: SyncPayload) {
        let warnings = steps.flatMap { $0.unacknowledged(payload.acknowledged) }
        guard !warnings.isEmpty else { return nil }
        let names = warnings.prefix(JobError.named).map { "\"\(Acknowledgement($0))\"" }.joined(separator: ", ")
        let more = warnings.count > JobError.named ? " and \(warnings.count - JobError.named) more" : ""
        self.init(
            .acknowledgementNeeded,
            hint: "Look at the warnings. If they are meant, synchronize again with \(names)\(more) under acknowledge.",
            field: "data.acknowledge"
        )
    }
}
