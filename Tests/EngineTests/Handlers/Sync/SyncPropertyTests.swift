import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

/// Random plans in random Autotasks: foreign services; inactive, renamed, repriced, missing and invisible ones; hidden costs; names that
/// are unique or not, and compared as Swift does or not; exchanged names, adopted and
/// retired services; and, half of the time, failing calls and dying workers.
@Suite("Preview and sync: the sync makes exactly the predicted changes")
struct SyncPropertyTests {
    @Test(arguments: 1...300)
    func `the sync makes exactly the calls that the preview predicts, and nothing else changes`(seed: UInt64) async throws {
        var chance = SeededGenerator(seed)
        let lane = try await SyncBench(settings: EngineSettings(brake: Brake(stops: Warning.Code.stopping)))
        var scene = SyncScene(lane)
        try await scene.set(&chance)
        let plan = try await scene.previewed(&chance)
        let forecast = scene.forecast
        let before = lane.services

        let isDisturbed = Bool.random(using: &chance)
        if isDisturbed { scene.disturb(&chance) }
        let run = try await scene.run(plan, mayDie: isDisturbed, &chance)
        lane.autotask.change { $0.faults = [:] }
        lane.autotask.land()

        guard forecast.report["previewId"]?.string != nil else {
            // Both report invalid services in the same words, and nothing is written.
            #expect(run.writes.isEmpty && lane.services == before)
            if !isDisturbed { #expect(run.outcome.errors == forecast.errors && run.outcome.errors.contains { $0 != nil }) }
            return
        }
        let predicted = forecast.predictedWrites
        let made = run.writes.map(WrittenCall.init)
        if isDisturbed {
            // An update may be made twice. Every write was predicted, and no create is made twice.
            #expect(made.allSatisfy { call in predicted.contains(call) || call.isRestoredName(of: before) }, "\(made) \(predicted)")
        } else if !scene.hidesName {
            #expect(made.sorted() == predicted.sorted())
            #expect(run.outcome.terminal?.type == .syncSucceeded, "\(run.outcome.report)")
            #expect(run.outcome.outcomes == forecast.outcomes)
            #expect(lane.bench.apiCalls == Int(forecast.report["apiCallEstimate"]?.integer ?? 0))
            for index in plan.services.indices {
                #expect(run.outcome.service(index)["changes"] == forecast.service(index)["changes"])
                #expect(run.outcome.service(index)["overwritten"] == forecast.service(index)["overwritten"])
            }
        }
        scene.expectUntouched(since: before, plan)
        guard run.outcome.terminal?.type == .syncSucceeded else { return }
        scene.expectPlan(plan)
        var again = plan
        again.previewID = nil
        #expect(Set(try await lane.sync(again).outcomes) == ["unchanged"])
        #expect(lane.writes.isEmpty)
    }
}

/// A lane, its Autotask, and the events of a test.
private struct SyncScene {
    let lane: SyncBench
    private(set) var forecast = HandlerOutcome.finished([])
    /// Whether a service that the API user does not see has a name that the plan wants, which cannot be predicted.
    private(set) var hidesName = false
    private var plan = SyncPayload.plan(1)

    init(_ lane: SyncBench) { self.lane = lane }

    /// Syncs a plan, and lets others change the result.
    mutating func set(_ chance: inout SeededGenerator) async throws {
        let hidesCosts = Int.random(in: 0..<5, using: &chance) == 0
        let hasUniqueNames = Bool.random(using: &chance)
        let collation = Bool.random(using: &chance) ? Collation.all : .caseInsensitive
        let hiddenCost: JSON = Bool.random(using: &chance) ? .null : .number("0.0")
        lane.autotask.change {
            $0.databases[Workbench.databaseID]?.collation = collation
            $0.databases[Workbench.databaseID]?.hiddenCost = hiddenCost
            $0.databases[Workbench.databaseID]?.hidesCosts = hidesCosts
            $0.databases[Workbench.databaseID]?.hasUniqueNames = hasUniqueNames
        }
        plan = SyncPayload.plan(Int.random(in: 1...7, using: &chance))
        plan.acknowledged = acknowledgingAll
        if Int.random(in: 0..<5, using: &chance) > 0 { _ = try await lane.sync(plan) }
        for number in 0..<Int.random(in: 0..<4, using: &chance) {
            lane.add("Foreign \(number)", id: 900 + Int64(number), isActive: Bool.random(using: &chance))
        }
        for _ in 0..<Int.random(in: 0..<4, using: &chance) { edit(&chance) }
    }

    private func edit(_ chance: inout SeededGenerator) {
        lane.edit { services in
            guard let index = services.indices.randomElement(using: &chance) else { return }
            switch Int.random(in: 0..<8, using: &chance) {
            case 0: services[index]["unitPrice"] = .number("77.7")
            case 1: services[index]["isActive"] = false
            case 2: services.remove(at: index)
            case 3: services[index]["name"] = .string("Edited \(Int.random(in: 0..<100, using: &chance))")
            case 4: services[index]["internalID"] = "ACC-1"
            case 5: services[index]["billingCodeID"] = 29_683_002
            case 6: services[index]["description"] = "Kept"
            default: services[index]["unitCost"] = .null
            }
        }
    }

    /// Changes the plan, and previews it.
    ///
    /// - Returns: the plan to sync, with the preview's id and its required acknowledgements.
    mutating func previewed(_ chance: inout SeededGenerator) async throws -> SyncPayload {
        for _ in 0..<Int.random(in: 0..<6, using: &chance) { change(&chance) }
        plan.acknowledged = []
        plan.revision = 2
        if Int.random(in: 0..<8, using: &chance) == 0 {
            let name = plan.services.randomElement(using: &chance)?.name ?? ""
            lane.add(name, id: 990)
            lane.autotask.change { $0.databases[Workbench.databaseID]?.invisible = [990] }
            hidesName = true
        }
        forecast = try await lane.preview(plan)
        var plan = plan
        plan.previewID = forecast.report["previewId"]?.string
        plan.acknowledged = Set(
            forecast.report["needsAcknowledgement"]?.array?.compactMap { $0.string.flatMap(Acknowledgement.init) } ?? []
        )
        return plan
    }

    /// Names that some databases treat as equal to those of foreign services, and others do not.
    private static let likeForeign = ["Ｆoreign 0", "For\u{200B}eign 1", "foreign 2"]

    private mutating func change(_ chance: inout SeededGenerator) {
        let index = Int.random(in: plan.services.indices, using: &chance)
        switch Int.random(in: 0..<10, using: &chance) {
        case 0: plan.services[index].unitPrice = .value(Money(tenThousandths: Int64.random(in: 0..<1_000_000, using: &chance)))
        case 1: plan.services[index].unitCost = .value(Money(tenThousandths: Int64.random(in: 0..<1_000_000, using: &chance)))
        case 2: plan.services[index].billingCodeID = .value([29_683_001, 29_683_002, 29_683_003].randomElement(using: &chance) ?? 0)
        case 3: plan.services[index].name = "Name \(Int.random(in: 0..<12, using: &chance))"
        case 4, 5:
            // Some services rotate their names.
            let count = Int.random(in: 2...4, using: &chance)
            let places = Array(plan.services.indices.shuffled(using: &chance).prefix(count))
            let names = places.map { plan.services[$0].name }
            for (place, name) in zip(places, names.dropFirst() + names.prefix(1)) { plan.services[place].name = name }
        case 6: plan.services.append(.sample(20 + plan.services.count))
        case 7 where plan.services.count > 1: plan.retired.append(plan.services.remove(at: index).key)
        case 8: plan.adopted[plan.services[index].key] = Int64.random(in: 899...903, using: &chance)
        default: plan.services[index].name = SyncScene.likeForeign.randomElement(using: &chance) ?? ""
        }
        let keys = Set(plan.services.map(\.key))
        var ids: Set<Int64> = []
        plan.adopted = plan.adopted.filter { keys.contains($0.key) && ids.insert($0.value).inserted }
    }

    private var acknowledgingAll: Set<Acknowledgement> { Set(Warning.Code.stopping.compactMap { Acknowledgement($0.rawValue) }) }

    // MARK: Running

    func disturb(_ chance: inout SeededGenerator) {
        for operation in ["POST Services", "PATCH Services", "POST Services/query", "POST BillingCodes/query"] {
            for _ in 0..<Int.random(in: 0..<3, using: &chance) {
                switch Int.random(in: 0..<7, using: &chance) {
                case 0: lane.autotask.fail(operation, .lostAnswer)
                case 1: lane.autotask.fail(operation, .status(429))
                case 2: lane.autotask.fail(operation, .status(503))
                case 3: lane.autotask.fail(operation, .noAnswer(.cannotConnect, mayHaveBeenSent: false))
                case 4: lane.autotask.pass(operation)
                case 5 where !operation.hasSuffix("query"): lane.autotask.fail(operation, .lateCommit)
                default: lane.autotask.fail(operation, .noAnswer(.timedOut))
                }
            }
        }
    }

    /// Runs a job to its end: workers die, and time passes as deferrals require.
    ///
    /// - Returns: its end, and the writes of all its attempts.
    func run(
        _ plan: SyncPayload,
        mayDie: Bool,
        _ chance: inout SeededGenerator
    ) async throws -> (outcome: HandlerOutcome, writes: [FakeAutotask.Call]) {
        func survives(_ chance: inout SeededGenerator) -> Bool { !mayDie || Int.random(in: 0..<4, using: &chance) > 0 }
        var isAlive = survives(&chance)
        var outcome = try await lane.sync(plan, survives: isAlive)
        var writes = lane.writes
        for _ in 0..<30 {
            if isAlive, outcome.deferral == nil { return (outcome, writes) }
            lane.clock.advance(by: max((outcome.deferral?.earliest ?? lane.clock.now) - lane.clock.now, .zero) + .seconds(1))
            // Pending writes arrive within the settle time.
            lane.autotask.land()
            isAlive = survives(&chance)
            outcome = try await lane.attempt(plan, survives: isAlive)
            writes += lane.writes
        }
        Issue.record("the job does not end")
        return (outcome, writes)
    }

    // MARK: Properties

    /// Every service of the plan exists in Autotask once, with its managed fields as planned.
    func expectPlan(_ plan: SyncPayload) {
        let hidesCosts = lane.autotask.database(Workbench.databaseID)?.hidesCosts ?? false
        for service in plan.services {
            guard let id = lane.binding(service.key)?.autotaskServiceID,
                let remote = lane.services.first(where: { $0["id"]?.integer == id })
            else {
                Issue.record("\(service.key) is not in Autotask")
                continue
            }
            #expect(remote["name"]?.string.map { NameKey.looksAlike($0, service.name) } == true)
            #expect(remote["unitPrice"].flatMap(Money.init(wire:)) == service.unitPrice.value)
            if !hidesCosts { #expect((remote["unitCost"].flatMap(Money.init(wire:)) ?? .zero) == service.unitCost.value) }
            #expect(remote["billingCodeID"]?.integer == service.billingCodeID.value)
        }
        let ids = plan.services.compactMap { lane.binding($0.key)?.autotaskServiceID }
        #expect(Set(ids).count == plan.services.count)
    }

    /// Foreign services are unchanged and present, and only managed fields and the marker of the plan's services changed.
    func expectUntouched(since before: [JSONObject], _ plan: SyncPayload) {
        let present = Dictionary(uniqueKeysWithValues: lane.services.map { ($0["id"], $0) })
        let ours = Set(
            plan.services.compactMap { service in
                lane.binding(service.key)?.autotaskServiceID
                    ?? lane.state.openWrites.first { $0.serviceKey == service.key }?.autotaskServiceID
            }
        )
        for old in before {
            guard let new = present[old["id"]] else {
                Issue.record("a service is gone")
                continue
            }
            guard ours.contains(old["id"]?.integer ?? 0) else {
                #expect(new == old)
                continue
            }
            for member in old.members where !WrittenCall.managed.keys.contains(member.name) && member.name != "internalID" {
                #expect(new[member.name] == member.value, "\(member.name)")
            }
            if let mark = old["internalID"]?.string, !mark.isEmpty, !plan.retired.map({ lane.marker($0) }).contains(mark) {
                #expect(new["internalID"] == old["internalID"])
            }
        }
        let created = present.count - before.count
        let predicted = forecast.predictedWrites.count { $0.id == nil }
        #expect(created <= predicted)
    }
}

/// A predicted or made write: of an existing service or a new one, with the values of its managed fields.
private struct WrittenCall: Hashable, Comparable, CustomStringConvertible {
    /// The value by the contract's name of the field.
    static let managed = [
        "name": "name", "unitPrice": "unitPrice", "unitCost": "unitCost", "billingCodeID": "billingCodeId", "periodType": "period",
    ]

    var id: Int64?
    var values: [String: String]

    init(id: Int64?, _ values: [String: String]) {
        self.id = id
        self.values = values
    }

    init(_ call: FakeAutotask.Call) {
        let body = call.body?.object ?? [:]
        id = call.operation == "PATCH Services" ? body["id"]?.integer : nil
        values = [:]
        // A create sends the plan, which the final state shows.
        for member in body.members where id != nil {
            guard let field = WrittenCall.managed[member.name] else { continue }
            // The parts of a temporary name are not predicted.
            let isTemporary = member.value.string?.contains(" ~") == true
            values[field] = isTemporary ? "~" : member.name == "periodType" ? "…" : WrittenCall.text(member.value)
        }
    }

    static func text(_ value: JSON) -> String {
        if let amount = Money(wire: value), !(value.integer.map { $0 > 1_000_000 } ?? false) { return amount.description }
        return value.string.flatMap { Money(jsonNumber: $0)?.description } ?? value.string ?? "\(value)"
    }

    /// Gives a service its old name back, after it gave it up for a name that it could not have.
    func isRestoredName(of before: [JSONObject]) -> Bool {
        values.count == 1 && before.contains { $0["id"]?.integer == id && $0["name"]?.string == values["name"] }
    }

    var description: String { "\(id ?? 0) \(values.sorted { $0.key < $1.key })" }

    static func < (left: WrittenCall, right: WrittenCall) -> Bool { left.description < right.description }
}

extension HandlerOutcome {
    /// The writes that a preview predicts.
    fileprivate var predictedWrites: [WrittenCall] {
        (report["services"]?.array ?? []).enumerated().flatMap { index, service -> [WrittenCall] in
            let writes = service["writes"]?.integer ?? 0
            guard writes > 0 else { return [] }
            let isNew = ["created", "recreated"].contains(service["outcome"]?.string)
            let id = isNew ? nil : service["autotaskServiceId"]?.integer
            var values: [String: String] = [:]
            for change in service["changes"]?.array ?? [] {
                guard let field = change["field"]?.string, let to = change["to"] else { continue }
                values[field] = field == "period" ? "…" : WrittenCall.text(to)
            }
            let detour = writes == 2 ? [WrittenCall(id: id, ["name": "~"])] : []
            return detour + [WrittenCall(id: id, isNew ? [:] : values)]
        }
    }
}

extension Money {
    fileprivate init?(wire json: JSON) {
        guard case .number(let text) = json else { return nil }
        self.init(jsonNumber: text)
    }
}
