import Autotask
import Contract
import Store
import Testing

@testable import Engine

@Suite("Sync: values and their stored forms")
struct SyncValuesTests {
    private func service(cost: String?) -> AutotaskService {
        AutotaskService(
            id: 1,
            fields: ManagedFields(
                name: "Café \"1\"",
                unitPrice: Money(tenThousandths: -5),
                unitCost: cost.map { .amount($0) },
                billingCodeID: nil,
                periodType: 5
            ),
            isActive: nil,
            marker: nil
        )
    }

    private func lastSeen(_ remembered: [UInt8]) -> (fields: ManagedFields, isActive: Bool?)? {
        ServiceBinding(planID: "plan", serviceKey: "s0", autotaskServiceID: 1, status: .synced, lastSynced: remembered).lastSeen
    }

    @Test(arguments: ["4.5", nil])
    func `a binding's stored values are read back unchanged`(cost: String?) {
        let fields = service(cost: cost).fields
        #expect(lastSeen(fields.encoded)?.fields == fields)
    }

    @Test func `another version's stored form is not taken for a service`() {
        #expect(lastSeen(Array("{}".utf8)) == nil)
        #expect(lastSeen([]) == nil)
    }

    @Test func `costs are visible as soon as one is, and hidden once a written one is not`() {
        let shown = [service(cost: nil), service(cost: "1")]
        let empty = [service(cost: nil)]
        #expect(CostVisibility(shown, remembered: false) == .shown)
        #expect(CostVisibility(empty, remembered: true) == .unknown)
        #expect(CostVisibility(empty, remembered: false) == .hidden)
        #expect(CostVisibility.unknown.learning(from: empty, hasWrittenCost: true) == .hidden)
        #expect(CostVisibility.unknown.learning(from: empty, hasWrittenCost: false) == .unknown)
        #expect(CostVisibility.hidden.learning(from: shown, hasWrittenCost: false) == .shown)
        // Others are visible: that this one is not is a failure of the write.
        #expect(CostVisibility.shown.learning(from: empty, hasWrittenCost: true) == .shown)
    }

    @Test(arguments: [CostVisibility.shown, .hidden, .unknown])
    func `an empty cost is zero, and a visible one always counts`(costs: CostVisibility) {
        #expect(costs.differs(nil, from: .zero) == false)
        #expect(costs.differs(.zero, from: nil) == false)
        #expect(costs.differs(.amount("1"), from: .amount("2")))
        #expect(costs.differs(nil, from: .amount("2")) == (costs != .hidden))
    }

    @Test func `names are equal without outer spaces, but not without case`() {
        #expect(NameKey.looksAlike(" a ", "a"))
        #expect(NameKey.looksAlike("é", "e\u{301}"))
        #expect(!NameKey.looksAlike("a", "A"))
        #expect("\u{00A0} x y \n".trimmed == "x y" && " ".trimmed == "")
    }

    @Test func `an order of renames holds every place once, even if some wait for a circle`() {
        let order = RenameOrder(count: 6, prerequisites: [0: [3], 3: [5], 1: [2], 2: [1], 4: [1]])
        #expect(order.turns == [.write(5), .write(3), .write(0), .detour(1), .write(2), .write(1), .write(4)])
        #expect(RenameOrder(count: 3, prerequisites: [:]).turns == [.write(0), .write(1), .write(2)])
    }

    @Test func `a key counts as synced before by its binding or its journal`() {
        let state = LaneState(
            epoch: 1,
            bindings: [
                ServiceBinding(planID: "plan", serviceKey: "bound", autotaskServiceID: 1, status: .error),
                ServiceBinding(planID: "plan", serviceKey: "refused", autotaskServiceID: nil, status: .error),
                ServiceBinding(planID: "other", serviceKey: "elsewhere", autotaskServiceID: 2, status: .synced),
            ],
            openWrites: [
                JournalEntry(
                    planID: "plan",
                    serviceKey: "sent",
                    operation: .create,
                    state: .sent,
                    autotaskServiceID: nil,
                    at: Timestamp(millisecondsSinceEpoch: 0)
                ),
                JournalEntry(
                    planID: "plan",
                    serviceKey: "intended",
                    operation: .create,
                    state: .intended,
                    autotaskServiceID: nil,
                    at: Timestamp(millisecondsSinceEpoch: 0)
                ),
            ]
        )
        let memory = PlanMemory(state, planID: "plan")
        var plan = SyncPayload.plan(1)
        #expect(memory.missingKeys(of: plan) == ["bound", "sent"])
        plan.retired = ["sent"]
        #expect(memory.missingKeys(of: plan) == ["bound"])
    }
}
