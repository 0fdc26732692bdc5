import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

@Suite("Sync: random failures")
struct SyncMishapTests {
    /// Jobs with random plans, foreign edits, failing calls and dying workers.
    @Test(arguments: 1...6)
    func `no service is created twice, and a successful sync matches the plan`(seed: UInt64) async throws {
        var chance = SeededGenerator(seed)
        let lane = try await SyncBench()
        var plan = SyncPayload.plan(Int.random(in: 1...6, using: &chance))
        var succeeded = 0
        for revision in 2..<40 {
            change(&plan, &chance)
            plan.revision = Int64(revision)
            if lane.state.openWrites.isEmpty { edit(lane, &chance) }
            disturb(lane, &chance)
            let outcome = try await run(plan, lane, &chance)
            lane.autotask.change { $0.faults = [:] }

            let terminal = try #require(outcome.terminal)
            #expect(outcome.each("key") == plan.services.map(\.key))
            let markers = lane.services.compactMap { $0["internalID"]?.string }
            #expect(Set(markers).count == markers.count)
            guard terminal.type == .syncSucceeded else { continue }
            succeeded += 1
            #expect(lane.state.openWrites.isEmpty)
            for service in plan.services {
                let remote = try #require(lane.services.first { $0["internalID"]?.string == lane.marker(service.key) })
                #expect(remote["name"]?.string == service.name)
                #expect(remote["unitPrice"].flatMap(amount) == service.unitPrice.value)
                #expect(remote["unitCost"].flatMap(amount) == service.unitCost.value)
            }
            #expect(Set(try await lane.sync(plan).outcomes) == ["unchanged"])
            #expect(lane.writes.isEmpty)
        }
        #expect(succeeded > 5)
    }

    /// Runs a job to its end: workers die, and time passes as deferrals require.
    private func run(_ plan: SyncPayload, _ lane: SyncBench, _ chance: inout SeededGenerator) async throws -> HandlerOutcome {
        var survives = Int.random(in: 0..<4, using: &chance) > 0
        var outcome = try await lane.sync(plan, survives: survives)
        for _ in 0..<30 {
            if survives, outcome.deferral == nil { return outcome }
            let earliest = outcome.deferral?.earliest ?? lane.clock.now
            lane.clock.advance(by: max(earliest - lane.clock.now, .zero) + .seconds(Int.random(in: 0..<200, using: &chance)))
            survives = Int.random(in: 0..<4, using: &chance) > 0
            outcome = try await lane.attempt(plan, survives: survives)
        }
        Issue.record("the job does not end")
        return outcome
    }

    private func change(_ plan: inout SyncPayload, _ chance: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 0..<4, using: &chance) {
            let index = Int.random(in: 0..<plan.services.count, using: &chance)
            switch Int.random(in: 0..<4, using: &chance) {
            case 0: plan.services[index].unitPrice = .value(Money(tenThousandths: Int64.random(in: 0..<1_000_000, using: &chance)))
            case 1: plan.services[index].unitCost = .value(Money(tenThousandths: Int64.random(in: 0..<1_000_000, using: &chance)))
            case 2:
                // The name may be one that another service has just given up.
                let name = "Name \(Int.random(in: 0..<12, using: &chance))"
                if !plan.services.contains(where: { $0.name == name }) { plan.services[index].name = name }
            default: if plan.services.count < 9 { plan.services.append(.sample(plan.services.count + 20)) }
            }
        }
    }

    private func edit(_ lane: SyncBench, _ chance: inout SeededGenerator) {
        lane.edit { services in
            guard let index = services.indices.randomElement(using: &chance) else { return }
            switch Int.random(in: 0..<5, using: &chance) {
            case 0: services[index]["unitPrice"] = .number("77.7")
            case 1: services[index]["isActive"] = false
            case 2: services.remove(at: index)
            default: break
            }
        }
    }

    private func disturb(_ lane: SyncBench, _ chance: inout SeededGenerator) {
        for operation in ["POST Services", "PATCH Services", "POST Services/query"] {
            for _ in 0..<Int.random(in: 0..<3, using: &chance) {
                switch Int.random(in: 0..<5, using: &chance) {
                case 0: lane.autotask.fail(operation, .lostAnswer)
                case 1: lane.autotask.fail(operation, .status(429))
                case 2: lane.autotask.fail(operation, .status(503))
                case 3: lane.autotask.fail(operation, .noAnswer(.cannotConnect, mayHaveBeenSent: false))
                default: lane.autotask.fail(operation, .noAnswer(.timedOut))
                }
            }
        }
    }

    private func amount(_ json: JSON) -> Money? {
        guard case .number(let text) = json else { return nil }
        return Money(jsonNumber: text)
    }
}
