import Contract
import Store

extension JobContext {
    /// The failed event of a job whose request could not be opened. That of a preview names no service.
    func failed(_ error: JobError) -> Event {
        switch job.kind {
        case .connect, .verify: connectionFailed(error, isPreviousActive: state.connection?.status == .connected)
        case .billingCodes: event(.billingCodesFailed, ["error": error.json])
        case .drift: event(.driftFailed, ["error": error.json])
        case .diagnose: diagnosed([DiagnosisStep(.connection, error)])
        case .preview:
            event(
                .syncFailed,
                SyncReport(
                    message: error.message.withoutFullStop,
                    planID: job.planID ?? "",
                    revision: job.revision,
                    apiCalls: apiCalls,
                    services: [],
                    webURL: state.connection?.zone.webURL,
                    error: error
                ).members
            )
        case .sync, .reset: event(.jobAbandoned, ["error": error.json])
        }
    }
}
