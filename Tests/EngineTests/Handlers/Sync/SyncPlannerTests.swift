import Autotask
import Contract
import Store
import Testing
import Vault

@testable import Engine

@Suite("Sync: decisions of the first phase")
struct SyncPlannerTests {
    private static let metadata = ServiceFields(
        monthlyPeriodType: 2,
        yearlyPeriodType: 5,
        isPeriodUpdatable: false,
        maximumNameLength: 10,
        markerFields: [.internalID]
    )

    /// A service of the plan with a unique name.
    private func wanted(_ key: String, _ name: String, price: String = "9.00") -> PlanService {
        PlanService(
            key: key,
            kind: .storage,
            name: name,
            period: .value(.monthly),
            unitCost: .value(.amount("4.50")),
            unitPrice: .value(.amount(price)),
            billingCodeID: .value(1)
        )
    }

    /// A service in Autotask that matches the plan except for its name.
    private func existing(_ id: Int64, _ name: String, marker: String? = nil) -> AutotaskService {
        AutotaskService(
            id: id,
            fields: ManagedFields(
                name: name,
                unitPrice: .amount("9.00"),
                unitCost: .amount("4.50"),
                billingCodeID: 1,
                periodType: 2
            ),
            isActive: true,
            marker: marker
        )
    }

    private func planned(
        _ plan: [PlanService],
        _ services: [AutotaskService] = [],
        bound: [String: Int64] = [:],
        bindings: [ServiceBinding] = [],
        metadata: ServiceFields = metadata
    ) -> PlannedSync {
        let bindings =
            bindings + bound.map { ServiceBinding(planID: "plan", serviceKey: $0.key, autotaskServiceID: $0.value, status: .synced) }
        let memory = PlanMemory(LaneState(epoch: 1, bindings: bindings), planID: "plan")
        let markers = plan.map { OwnershipMarker(value: "mark-" + $0.key, former: "former-" + $0.key) }
        let planner = SyncPlanner(
            plan: plan,
            memory: memory,
            validation: PlanValidation(plan, fields: metadata),
            matching: ServiceMatching(plan, memory: memory, services: services, markers: markers),
            metadata: metadata,
            costs: CostVisibility(services, remembered: nil),
            markers: markers
        )
        return planner.planned(billingCodes: [BillingCode(id: 1, name: "Recurring", description: nil, isActive: true, useType: 5)])
    }

    private func order(_ planned: PlannedSync) -> [String]? {
        guard case .steps(let steps, let turns) = planned else { return nil }
        return turns.map { turn in
            switch turn {
            case .detour(let index): "~" + steps[index].key
            case .write(let index): steps[index].key
            }
        }
    }

    private func codes(_ planned: PlannedSync) -> [Int: ErrorCode]? {
        guard case .invalid(let errors, _) = planned else { return nil }
        return errors.mapValues(\.code)
    }

    // MARK: Inside the plan

    @Test(arguments: ["", " ", "\u{00A0}\t\n", "12345678901", "123456789😀"])
    func `a name that is blank, or too long in UTF-16 units, is invalid`(name: String) {
        #expect(codes(planned([wanted("a", name)])) == [0: .nameInvalid])
    }

    @Test(arguments: ["1234567890", "12345678😀", "ééééééééé", " "])
    func `a name may be as long as Autotask allows, counted as it is stored`(name: String) {
        let isValid = !name.allSatisfy(\.isWhitespace)
        #expect((order(planned([wanted("a", name)])) != nil) == isValid)
    }

    @Test func `if Autotask does not say how long a name may be, it decides itself`() {
        var metadata = SyncPlannerTests.metadata
        metadata.maximumNameLength = nil
        #expect(order(planned([wanted("a", String(repeating: "x", count: 1000))], metadata: metadata)) == ["a"])
    }

    @Test(arguments: [
        ("Café", "Cafe\u{301}"), ("ABC", "abc"), ("x", " X\u{00A0}"), ("ÀÉ", "a\u{300}e\u{301}"), ("Straße", "STRASSE"),
        ("STRAẞE", "strasse"),
        ("ΟΔΟΣ", "οδος"), ("οδοσ", "οδος"), ("ﬁx", "FIX"), ("İ", "i\u{307}"), ("ﬀ", "ff"), ("ŉ", "ʼN"),
    ])
    func `names are the same without case, composition and outer spaces`(first: String, second: String) {
        let codes = codes(planned([wanted("a", first), wanted("b", "other"), wanted("c", second)]))
        #expect(codes == [0: .serviceNameDuplicateInPlan, 2: .serviceNameDuplicateInPlan])
    }

    @Test(arguments: [("a b", "ab"), ("e", "é"), ("ı", "i"), ("ı", "I")])
    func `names that differ otherwise are different`(first: String, second: String) {
        #expect(order(planned([wanted("a", first), wanted("b", second)])) == ["a", "b"])
    }

    @Test func `each faulty service has its own error, the first in the order of the fields`() {
        var plan = (0..<6).map { wanted("k\($0)", "name \($0)") }
        plan[0].period = .malformed
        plan[1].unitCost = .missing
        plan[1].unitPrice = .missing
        plan[2].unitPrice = .malformed
        plan[3].billingCodeID = .missing
        plan[4].billingCodeID = .value(2)
        let codes = codes(planned(plan))
        #expect(codes == [0: .periodUnsupported, 1: .costInvalid, 2: .priceInvalid, 3: .billingCodeMissing, 4: .billingCodeNotFound])
    }

    @Test func `a period that the tenant does not offer is unsupported`() {
        var metadata = SyncPlannerTests.metadata
        metadata.monthlyPeriodType = nil
        #expect(codes(planned([wanted("a", "A")], metadata: metadata)) == [0: .periodUnsupported])
    }

    // MARK: Against Autotask

    @Test func `a changeable period is changed`() {
        var metadata = SyncPlannerTests.metadata
        metadata.isPeriodUpdatable = true
        var yearly = wanted("a", "A")
        yearly.period = .value(.yearly)
        guard case .steps(let steps, _) = planned([yearly], [existing(7, "A")], bound: ["a": 7], metadata: metadata),
            let write = steps[0].write
        else {
            Issue.record("an update must be planned")
            return
        }
        let marker = ServiceMarker(field: .internalID, value: "mark-a")
        #expect(write == ServiceWrite(id: 7, fields: ManagedFields(periodType: 5), marker: marker))
        #expect(steps[0].changes == [FieldChange(field: "period", from: "Monthly", to: "Yearly")])
    }

    @Test func `differences in outer spaces and composition are ignored, and in case are not`() {
        let plan = [wanted("a", " Café "), wanted("b", "Big")]
        let services = [existing(1, "Cafe\u{301}"), existing(2, "big")]
        #expect(order(planned(plan, services, bound: ["a": 1, "b": 2])) == ["b"])
    }

    @Test func `the marker wins over the name`() {
        let services = [existing(1, "A"), existing(2, "B", marker: "mark-a")]
        #expect(codes(planned([wanted("a", "A")], services)) == [0: .serviceNameConflict])
        guard case .steps(let steps, _) = planned([wanted("a", "C")], services) else {
            Issue.record("the plan is valid")
            return
        }
        #expect(steps[0].service?.id == 2 && steps[0].outcome == .adopted)
    }

    @Test func `a binding wins over a marker, and a service stands for only one of the plan`() {
        let plan = [wanted("a", "A"), wanted("b", "B")]
        let services = [existing(1, "A", marker: "mark-b"), existing(2, "X", marker: "mark-a")]
        guard case .steps(let steps, _) = planned(plan, services, bound: ["a": 1]) else {
            Issue.record("the plan is valid")
            return
        }
        #expect(steps[0].service?.id == 1 && steps[0].write == nil)
        #expect(steps[1].service == nil && steps[1].outcome == .created)
    }

    // MARK: The order of names

    @Test func `a chain of renames begins at its free end`() {
        let plan = [wanted("a", "B"), wanted("b", "C"), wanted("c", "D")]
        let services = [existing(1, "A"), existing(2, "B"), existing(3, "C")]
        #expect(order(planned(plan, services, bound: ["a": 1, "b": 2, "c": 3])) == ["c", "b", "a"])
    }

    @Test func `a new service waits for a name that another gives up`() {
        let plan = [wanted("new", "old name"), wanted("old", "renamed")]
        #expect(order(planned(plan, [existing(1, "Old Name")], bound: ["old": 1])) == ["old", "new"])
    }

    @Test func `services that exchange their names use one temporary name, with nothing in between (A13)`() {
        let plan = [wanted("a", "B"), wanted("x", "X"), wanted("b", "A"), wanted("c", "C")]
        let services = [existing(1, "A"), existing(2, "B"), existing(3, "Y")]
        let result = planned(plan, services, bound: ["a": 1, "b": 2, "x": 3])
        #expect(order(result) == ["x", "c", "~a", "b", "a"])
        guard case .steps(let steps, _) = result, let detour = steps[0].detour else {
            Issue.record("a detour must be planned")
            return
        }
        #expect(detour == ServiceWrite(id: 1, fields: ManagedFields(name: "A ~mark-a")))
        #expect(steps.dropFirst().allSatisfy { $0.detour == nil })
    }

    @Test func `a service that waits for a circle has its turn when the circle gives its name up`() {
        let plan = [wanted("a", "B"), wanted("b", "A"), wanted("c", "C2"), wanted("d", "C")]
        let services = [existing(1, "A"), existing(2, "B"), existing(3, "C"), existing(4, "D")]
        #expect(order(planned(plan, services, bound: ["a": 1, "b": 2, "c": 3, "d": 4])) == ["c", "d", "~a", "b", "a"])
    }

    @Test func `a service found with its temporary name gets its own, and no edit is reported`() {
        let services = [existing(1, "A ~mark-a")]
        let last = existing(1, "A").fields.encoded
        let binding = ServiceBinding(planID: "plan", serviceKey: "a", autotaskServiceID: 1, status: .synced, lastSynced: last)
        guard case .steps(let steps, _) = planned([wanted("a", "B")], services, bindings: [binding]) else {
            Issue.record("the plan is valid")
            return
        }
        #expect(steps[0].hasTemporaryName && steps[0].overwritten.isEmpty && steps[0].detour == nil)
        #expect(steps[0].warnings.isEmpty)
        #expect(steps[0].changes == [FieldChange(field: "name", from: .string("A"), to: .string("B"))])
        // The plan went back to the old name: this sync writes it all the same.
        guard case .steps(let back, _) = planned([wanted("a", "A")], services, bindings: [binding]) else {
            Issue.record("the plan is valid")
            return
        }
        #expect(back[0].changes == [FieldChange(field: "name", from: .string("A ~mark-a"), to: .string("A"))])
    }

    @Test(arguments: ["A ", " A", "A", "a"])
    func `a way back from a temporary name to one that looks the same is a change`(name: String) {
        let last = existing(1, "A").fields.encoded
        let binding = ServiceBinding(planID: "plan", serviceKey: "a", autotaskServiceID: 1, status: .synced, lastSynced: last)
        guard case .steps(let steps, _) = planned([wanted("a", name)], [existing(1, "A ~mark-a")], bindings: [binding]) else {
            Issue.record("the plan is valid")
            return
        }
        #expect(steps[0].changes == [FieldChange(field: "name", from: .string(name == "a" ? "A" : "A ~mark-a"), to: .string(name))])
    }

    @Test func `a change of case alone does not wait`() {
        #expect(order(planned([wanted("a", "NAME")], [existing(1, "name")], bound: ["a": 1])) == ["a"])
    }

    @Test(arguments: 1...20)
    func `in any exchange of names, each name is free when it is taken`(seed: UInt64) throws {
        var chance = SeededGenerator(seed)
        for _ in 0..<50 {
            let count = Int.random(in: 1...12, using: &chance)
            let names = (0..<(count + 4)).map { "n\($0)" }.shuffled(using: &chance)
            let old = (0..<count).map { $0 % 4 == 3 ? nil : names[$0] }
            let new = names.shuffled(using: &chance).prefix(count)
            let plan = new.enumerated().map { wanted("k\($0.offset)", $0.element) }
            let services = old.enumerated().compactMap { index, name in name.map { existing(Int64(index) + 1, $0) } }
            let bound = Dictionary(uniqueKeysWithValues: services.map { ("k\($0.id - 1)", $0.id) })
            guard case .steps(let steps, let turns) = planned(plan, services, bound: bound) else {
                Issue.record("every order of names can be reached")
                return
            }
            var taken = Dictionary(uniqueKeysWithValues: services.map { ($0.name, $0.id) })
            var detoured: Set<Int> = []
            for turn in turns {
                switch turn {
                case .detour(let index):
                    guard let detour = steps[index].detour, let id = detour.id, detour.fields.given == [.name] else {
                        Issue.record("a detour is an update")
                        return
                    }
                    let name = detour.fields.name
                    #expect(taken[name] == nil && name.utf16.count <= 10)
                    taken[steps[index].service!.name] = nil
                    taken[name] = id
                    detoured.insert(index)
                case .write(let index):
                    let step = steps[index]
                    let holder = taken[step.desired.name]
                    #expect(holder == nil || holder == step.service?.id)
                    if let id = step.service?.id { taken = taken.filter { $0.value != id } }
                    taken[step.desired.name] = step.service?.id ?? -Int64(index)
                    detoured.remove(index)
                }
            }
            #expect(detoured.isEmpty && Set(taken.keys).isSuperset(of: new))
        }
    }
}

/// A random generator that is the same in every run (xorshift64*).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
