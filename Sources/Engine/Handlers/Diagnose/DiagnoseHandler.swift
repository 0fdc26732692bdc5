import Contract
import Store

/// Examines the tenant's connection to Autotask, step by step. It changes nothing in Autotask, and is never retried: a failure is its
/// answer.
struct DiagnoseHandler: JobHandler {
    func run(_ payload: DiagnosePayload, _ context: JobContext) async throws(StoreError) -> HandlerOutcome {
        var diagnosis = Diagnosis(context)
        return try await diagnosis.run()
    }

    /// The job writes nothing to Autotask, so there is only the reason to report.
    func conclude(_ payload: DiagnosePayload, because reason: JobError, _ context: JobContext) -> HandlerOutcome {
        .failed(reason, [context.diagnosed([DiagnosisStep(.connection, reason)])])
    }
}

extension JobContext {
    func diagnosed(_ steps: [DiagnosisStep]) -> Event {
        event(
            .connectionDiagnosed,
            ["healthy": .bool(!steps.contains { $0.result == .failed }), "steps": .array(steps.map(\.json))]
        )
    }
}
