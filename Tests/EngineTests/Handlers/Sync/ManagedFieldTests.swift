import Autotask
import AutotaskModel
import Contract
import Store
import Testing
import Vault

@testable import Engine

/// Each managed field goes through all stages: a stage that omits a case of `ManagedField` fails here.
@Suite("Sync: the managed fields, one by one")
struct ManagedFieldTests {
    /// A person's edits in Autotask of the service `s0` of ``SyncPayload/plan(_:revision:)``, which has other values.
    private static let edits: [ManagedField: JSON] = [
        .name: "Renamed", .unitPrice: .number("8.0"), .unitCost: .number("5.25"), .billingCodeID: 29_683_002, .period: 5,
    ]

    private func synced() async throws -> SyncBench {
        let lane = try await SyncBench()
        lane.state.connection?.serviceFields = Array(
            #"{"monthly":2,"yearly":5,"periodUpdatable":true,"nameLength":150,"markerFields":["internalID"]}"#.utf8
        )
        try await lane.sync(.plan(1))
        return lane
    }

    private func sentNote(_ lane: SyncBench) throws -> (fields: JSON?, before: JSON, after: JSON) {
        let note = try #require(lane.bench.store.current.notes.joined().first { $0.action == .writeSent })
        let seal = try lane.bench.vault.auditSeal(of: lane.bench.lane, wrappedKey: try #require(lane.state.connection).wrappedKey)
        let details = try JSON(parsing: seal.open(try #require(note.sealed), of: JobID("sync-\(lane.jobs)")!))
        return (note.facts["fields"], details["before"] ?? .null, details["after"] ?? .null)
    }

    @Test func `a create sends, records and remembers every field`() async throws {
        let lane = try await synced()
        let body = try #require(lane.writes.first?.body?.object)
        #expect(body.members.map(\.name) == ManagedField.allCases.map(\.autotaskName) + ["internalID"])
        let note = try sentNote(lane)
        #expect(note.fields == .array(ManagedField.allCases.map { .string($0.contractName) }))
        #expect(note.before == .null && note.after.object?.members.count == ManagedField.allCases.count)
        let fields = try #require(lane.binding("s0")?.lastSeen).fields
        let remembered = try JSON(parsing: fields.encoded)
        #expect(fields.given == ManagedField.allCases && note.after == remembered)
    }

    @Test(arguments: ManagedField.allCases)
    func `an edit of a field is drift, makes a preview stale, and is overwritten, recorded and remembered`(field: ManagedField) async throws
    {
        let lane = try await synced()
        let synced = try #require(lane.binding("s0")?.lastSeen).fields
        var plan = SyncPayload.plan(1)
        plan.previewID = try await lane.preview(plan).report["previewId"]?.string
        lane.edit("Service 0", field.autotaskName, try #require(Self.edits[field]))

        let drift = try await DriftHandler().run(DriftPayload(), lane.bench.context(.drift, state: lane.state))
        let drifted = drift.service(0)["changes"]?.array ?? []
        #expect(drifted.map { $0["field"]?.string } == [field.contractName])
        #expect(drifted.first?["from"] != drifted.first?["to"])

        #expect(try await lane.sync(plan).report["error"]?["code"] == "plan_stale" && lane.writes.isEmpty)
        plan.previewID = nil
        let outcome = try await lane.sync(plan)
        #expect(outcome.statuses == ["Synced"])
        #expect(lane.writes.first?.body?.object?.members.map(\.name) == ["id", field.autotaskName])
        for told in ["changes", "overwritten"] {
            let changes = outcome.service(0)[told]?.array ?? []
            #expect(changes.map { $0["field"]?.string } == [field.contractName])
            #expect(changes.first?["from"] == drifted.first?["to"] && changes.first?["to"] == drifted.first?["from"])
        }
        let note = try sentNote(lane)
        #expect(note.fields == [.string(field.contractName)])
        let recorded = zip(note.before.object?.members ?? [], note.after.object?.members ?? []).filter { $0.value != $1.value }
        #expect(recorded.map { $0.0.name.lowercased() } == [field.autotaskName.lowercased()])
        #expect(try #require(lane.binding("s0")?.lastSeen).fields == synced)
    }
}
