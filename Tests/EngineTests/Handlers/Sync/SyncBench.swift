import AutotaskModel
import Contract
import Store
import Testing
import Vault

@testable import Engine

/// Consecutive syncs of one lane, whose state is kept between them as in the store.
final class SyncBench {
    let bench: Workbench
    var state: LaneState
    /// Whether the retried job has written before, as the store counts it.
    private(set) var hasWritten = false
    private(set) var jobs = 0

    /// - Parameter settings: by default no warning stops a batch, so that a test can change prices freely.
    init(connected: Bool = true, settings: EngineSettings = EngineSettings(brake: Brake(stops: []))) async throws {
        var bench = Workbench()
        bench.settings = settings
        self.bench = bench
        state = connected ? try await bench.connectedState() : LaneState(epoch: 1)
    }

    var autotask: FakeAutotask { bench.autotask }
    var clock: ManualClock { bench.clock }

    // MARK: Running

    /// Runs the first attempt at a new job.
    @discardableResult
    func sync(_ plan: SyncPayload, survives: Bool = true) async throws -> HandlerOutcome {
        hasWritten = false
        jobs += 1
        return try await attempt(plan, survives: survives)
    }

    /// Runs another attempt at the same job.
    ///
    /// - Parameter survives: whether the worker lives to store the outcome. If not, only the journal's writes are kept.
    @discardableResult
    func attempt(_ plan: SyncPayload, survives: Bool = true) async throws -> HandlerOutcome {
        autotask.forgetCalls()
        bench.store.change { ($0.journal, $0.notes) = ([], []) }
        let context = bench.context(.sync, id: "sync-\(jobs)", state: state, hasWritten: hasWritten)
        let outcome = try await SyncHandler().run(plan, context)
        for entries in journal { state = state.applying(LaneChanges(journal: entries)) }
        hasWritten = hasWritten || journal.joined().contains { $0.state == .sent }
        if survives { state = state.applying(outcome.changes) }
        return outcome
    }

    /// Runs a preview.
    @discardableResult
    func preview(_ plan: SyncPayload) async throws -> HandlerOutcome {
        autotask.forgetCalls()
        jobs += 1
        let outcome = try await PreviewHandler().run(plan, bench.context(.preview, id: "preview-\(jobs)", state: state))
        state = state.applying(outcome.changes)
        return outcome
    }

    func conclude(_ plan: SyncPayload, because code: ErrorCode = .superseded) -> HandlerOutcome {
        autotask.forgetCalls()
        let context = bench.context(.sync, state: state, mode: .conclude(JobError(code)), hasWritten: hasWritten)
        return SyncHandler().conclude(plan, because: JobError(code), context)
    }

    /// Ends the job because a newer one supersedes it, and lets the time pass in which its writes may still take effect.
    @discardableResult
    func supersede(_ plan: SyncPayload) -> HandlerOutcome {
        let outcome = conclude(plan)
        state = state.applying(outcome.changes)
        clock.advance(by: .seconds(301))
        return outcome
    }

    /// Runs attempts until the job ends, each at the time that the previous one requested.
    func syncToEnd(_ plan: SyncPayload) async throws -> HandlerOutcome {
        var outcome = try await sync(plan)
        for _ in 0..<20 {
            guard case .transient(_, let earliest, _) = outcome.ending else { return outcome }
            clock.advance(by: max((earliest ?? clock.now) - clock.now, .zero) + .milliseconds(1))
            outcome = try await attempt(plan)
        }
        return outcome
    }

    // MARK: Looking

    /// Every call of `journal` in the last attempt.
    var journal: [[JournalEntry]] { bench.store.current.journal }

    /// The writes of the last attempt.
    var writes: [FakeAutotask.Call] { autotask.calls.filter { ["POST Services", "PATCH Services"].contains($0.operation) } }

    /// Autotask's services.
    var services: [JSONObject] { autotask.database(Workbench.databaseID)?.services ?? [] }

    func service(named name: String) -> JSONObject? { services.first { $0["name"]?.string == name } }

    func binding(_ key: String) -> ServiceBinding? { state.bindings.first { $0.serviceKey == key } }

    // MARK: Other people's changes in Autotask

    /// Changes Autotask's services, as a person does.
    func edit(_ body: (inout [JSONObject]) -> Void) {
        autotask.change { body(&$0.databases[Workbench.databaseID]!.services) }
    }

    func edit(_ name: String, _ member: String, _ value: JSON) {
        edit { services in
            guard let index = services.firstIndex(where: { $0["name"]?.string == name }) else { return }
            services[index][member] = value
        }
    }

    func add(_ name: String, id: Int64, isActive: Bool = true, marker: String = "") {
        edit {
            $0.append([
                "id": JSON(id), "name": .string(name), "unitPrice": .number("1.0"), "unitCost": .number("0.5"),
                "billingCodeID": 29_683_001, "periodType": 2, "isActive": .bool(isActive), "internalID": .string(marker),
            ])
        }
    }

    /// - Parameter lane: by default the bench's own.
    func marker(_ key: String, planID: String = "plan", of lane: Lane? = nil) -> String {
        bench.vault.ownershipMarkers(of: lane ?? bench.lane).marker(planID: planID, serviceKey: key).value
    }

    /// Like ``marker(_:planID:of:)``, in the form of earlier versions.
    func formerMarker(_ key: String, planID: String = "plan") -> String {
        bench.vault.ownershipMarkers(of: bench.lane).marker(planID: planID, serviceKey: key).former
    }

    /// Removes the tenant's fields for markers, as another security level does.
    func removeMarkerFields() {
        state.connection?.serviceFields = Array(
            #"{"monthly":2,"yearly":5,"periodUpdatable":false,"nameLength":150,"markerFields":[]}"#.utf8
        )
    }
}

// MARK: - Plans

extension SyncPayload {
    /// A plan of valid services with the keys `s0`, `s1`, … and the names `Service 0`, `Service 1`, …
    static func plan(_ count: Int, revision: Int64? = 1) -> SyncPayload {
        SyncPayload(planID: "plan", revision: revision, services: (0..<count).map { .sample($0) })
    }

    /// The plan with one service changed.
    func with(_ index: Int, _ change: (inout PlanService) -> Void) -> SyncPayload {
        var plan = self
        change(&plan.services[index])
        return plan
    }
}

extension PlanService {
    static func sample(_ number: Int, name: String? = nil) -> PlanService {
        PlanService(
            key: "s\(number)",
            kind: .license,
            name: name ?? "Service \(number)",
            period: .value(number % 2 == 0 ? .monthly : .yearly),
            unitCost: .value(.amount("4.50")),
            unitPrice: .value(.amount("9.00")),
            billingCodeID: .value(29_683_001)
        )
    }
}

extension Money {
    static func amount(_ text: String) -> Money { Money(contract: text)! }
}

// MARK: - Outcomes

extension HandlerOutcome {
    var report: JSON { terminal?.members ?? .null }

    /// A member of every service in the event, in order.
    func each(_ member: String) -> [String?] { report["services"]?.array?.map { $0[member]?.string } ?? [] }

    var outcomes: [String?] { each("outcome") }
    var statuses: [String?] { each("status") }

    /// The codes of the services' errors.
    var errors: [String?] { report["services"]?.array?.map { $0["error"]?["code"]?.string } ?? [] }

    func service(_ index: Int) -> JSON { report["services"]?.array?[index] ?? .null }

    func warnings(_ index: Int) -> [String] { service(index)["warnings"]?.array?.compactMap { $0["code"]?.string } ?? [] }

    /// The deferral, if there is one.
    var deferral: (error: JobError, earliest: Timestamp?)? {
        guard case .transient(let error, let earliest, _) = ending else { return nil }
        return (error, earliest)
    }
}
