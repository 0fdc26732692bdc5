import Autotask
import Contract
import Store

extension SyncForecast {
    /// Makes the answer to a preview from the result of the first phase.
    init(_ payload: SyncPayload, _ preparation: SyncPreparation, _ memory: PlanMemory, _ context: JobContext, webURL: String) {
        var forecasts = SyncLedger(payload.services, memory: memory, brake: context.brake(of: payload))
            .results.map { ServiceForecast($0) }
        let steps: [ServiceStep]
        var previewID: PreviewID?
        switch preparation.planned {
        case .steps(let all, _):
            steps = all
            previewID = PreviewID(
                payload,
                preparation.planned,
                context,
                expiresAt: context.now + context.settings.previewLifetime
            )
        case .invalid(let errors, let valid):
            steps = valid
            for (index, error) in errors {
                forecasts[index].result.outcome = .invalid
                forecasts[index].result.error = error.about(forecasts[index].result.key)
            }
        }
        for step in steps { forecasts[step.index].note(step, costs: preparation.costs) }
        let writes = previewID == nil ? 0 : forecasts.reduce(0) { $0 + $1.writes }
        let written = previewID == nil ? 0 : forecasts.count { $0.writes > 0 }
        self.init(
            planID: payload.planID,
            revision: payload.revision,
            previewID: previewID?.text,
            expiresAt: previewID?.expiresAt,
            services: forecasts,
            acknowledgements: steps.flatMap { $0.unacknowledged(payload.acknowledged) }.map { Acknowledgement($0) },
            apiCallEstimate: preparation.serviceCalls + writes
                + ServiceQuery(ids: Array(repeating: 0, count: written), markerField: nil).minimumCalls,
            webURL: webURL
        )
    }
}

extension ServiceForecast {
    fileprivate mutating func note(_ step: ServiceStep, costs: CostVisibility) {
        result.take(step)
        result.autotaskServiceID = step.service?.id
        result.isActive = step.service?.isActive
        writes = (step.write == nil ? 0 : 1) + (step.detour == nil ? 0 : 1)
        guard costs != .hidden else { return }
        let shown = step.service?.fields
        marginBefore = shown?.unitPrice.flatMap { price in shown?.unitCost.map { price - $0 } }
        marginAfter = step.desired.unitPrice - step.desired.unitCost
    }
}
