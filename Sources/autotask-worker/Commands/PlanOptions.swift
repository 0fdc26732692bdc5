import ArgumentParser
import Contract

/// The decisions on a plan before a sync. They are added to the job's data.
struct PlanOptions: ParsableArguments {
    @Option(
        name: .customLong("acknowledge"),
        help: ArgumentHelp(
            "A warning to acknowledge: price_changed, or price_changed:SERVICE-KEY. It can be repeated.",
            valueName: "warning"
        )
    )
    var acknowledged: [String] = []
    @Option(
        name: .customLong("acknowledge-required"),
        help: ArgumentHelp(
            "A warning that stops this job until it is acknowledged, in addition to those of ACKNOWLEDGE_WARNINGS. It can be repeated.",
            valueName: "code"
        )
    )
    var required: [String] = []
    @Option(
        name: .customLong("adopt"),
        help: ArgumentHelp(
            "A service of the plan and the service in Autotask to bind it to. It can be repeated.",
            valueName: "key=id"
        )
    )
    var adopted: [String] = []

    func complete(_ data: inout JSONObject) throws {
        if !acknowledged.isEmpty { data["acknowledge"] = .array((data["acknowledge"]?.array ?? []) + acknowledged.map(JSON.string)) }
        if !required.isEmpty {
            data["acknowledgeRequired"] = .array((data["acknowledgeRequired"]?.array ?? []) + required.map(JSON.string))
        }
        guard !adopted.isEmpty else { return }
        var members = data["adopt"]?.object ?? JSONObject()
        for text in adopted {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let id = Int64(parts[1]), id > 0 else {
                throw ValidationError("--adopt takes the key of a service and an id in Autotask: license-monthly=677, not \(text).")
            }
            members[parts[0]] = JSON(id)
        }
        data["adopt"] = .object(members)
    }
}
