import Autotask
import Contract

/// The warnings about one service before it is written.
struct StepWarnings {
    let brake: Brake
    let costs: CostVisibility

    /// - Parameters:
    ///   - lastPrice: the last synced unit price of the plan; `nil` if there is none, and then no price is compared. An edit made in
    ///     Autotask is always overridden (`Rules` L38), and does not stop the sync.
    ///   - overwritten: edits made in Autotask that the plan overrides.
    ///   - isOverridden: whether the worker's earlier writes have overridden all of them. Then they stop nothing.
    func warnings(
        of desired: DesiredService,
        _ match: ServiceMatching.Match,
        lastPrice: Money?,
        overwritten: [FieldChange],
        isOverridden: Bool = false
    ) -> [Warning] {
        var warnings: [Warning] = []
        func warn(_ code: Warning.Code, _ message: String, field: String? = nil, stops: Bool = true) {
            warnings.append(
                Warning(code, message, field: field, serviceKey: desired.key, needsAcknowledgement: stops && brake.stops.contains(code))
            )
        }
        if match.outcome == .recreated {
            warn(.serviceRecreated, "The service was gone in Autotask and is created anew. Contracts do not point to it.")
        }
        if !match.duplicates.isEmpty {
            let ids = match.duplicates.map(String.init).joined(separator: ", ")
            warn(.duplicateService, "Other services in Autotask carry the same ownership marker and stay unchanged: id \(ids).")
        }
        if let old = lastPrice, brake.isFar(from: old, to: desired.unitPrice) {
            warn(
                .priceChanged,
                "The unit price moves from \(old) to \(desired.unitPrice), by more than \(brake.priceChangePercent) %.",
                field: "unitPrice"
            )
        }
        if desired.unitCost > desired.unitPrice {
            warn(.negativeMargin, "The unit cost is higher than the unit price.", field: "unitCost")
        }
        if costs == .hidden, desired.unitCost != .zero { warnings.append(.costNotStored(desired.key, brake)) }
        if match.service?.isActive == false {
            warn(.serviceInactive, "The service is inactive in Autotask. It is kept up to date, and stays inactive.")
        }
        if !overwritten.isEmpty {
            let fields = overwritten.map(\.field).joined(separator: ", ")
            warn(
                .editOverwritten,
                "Edited in Autotask since it was synced last, and overridden by the plan: \(fields).",
                stops: !isOverridden
            )
        }
        return warnings
    }
}

extension Warning {
    /// Autotask ignores the unit cost of a service.
    static func costNotStored(_ key: String, _ brake: Brake) -> Warning {
        Warning(
            .costNotStored,
            "Autotask ignored the unit cost because the API user cannot see costs.",
            field: "unitCost",
            serviceKey: key,
            needsAcknowledgement: brake.stops.contains(.costNotStored)
        )
    }
}
