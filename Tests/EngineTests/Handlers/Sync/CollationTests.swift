import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

/// Names that are equal in Autotask and different in Swift.
@Suite("Sync: names are compared as Autotask compares them")
struct CollationTests {
    /// The existing name, the name in the plan, and the collation in which they are equal.
    static let pairs: [(there: String, wanted: String, collation: Collation)] = [
        ("License", "Ｌｉｃｅｎｓｅ", [.letterCase, .width]), ("ライセンス", "らいせんす", [.letterCase, .kana]),
        ("Masse GmbH", "Maße GmbH", [.letterCase, .expansions, .accents]), ("AEther", "Æther", [.expansions]),
        ("Cafe", "Café", [.letterCase, .accents]), ("Cafe\u{301} noir", "CAFE NOIR", [.letterCase, .accents]),
        ("Storage", "Stor\u{200B}age", [.letterCase, .weightless]), ("Storage", "Stor\u{AD}age", [.weightless]),
        ("Storage　GB", "Storage GB", [.width]), ("Über Ｇｒｏß", "UBER GROSS", .all),
    ]

    private func lane(_ collation: Collation, isUnique: Bool = true) async throws -> SyncBench {
        let lane = try await SyncBench()
        lane.autotask.change {
            $0.databases[Workbench.databaseID]?.collation = collation
            $0.databases[Workbench.databaseID]?.hasUniqueNames = isUnique
        }
        return lane
    }

    private func plan(_ names: String..., revision: Int64 = 1) -> SyncPayload {
        SyncPayload(planID: "plan", revision: revision, services: names.enumerated().map { .sample(2 * $0, name: $1) })
    }

    @Test(arguments: pairs.indices)
    func `a name that Autotask finds is taken: nothing is written, and the holder is named`(index: Int) async throws {
        let pair = CollationTests.pairs[index]
        let lane = try await lane(pair.collation)
        lane.add("Another", id: 800)
        lane.add(pair.there, id: 900)
        let wanted = plan("First", pair.wanted, "Last")
        let preview = try await lane.preview(wanted)
        let outcome = try await lane.sync(wanted)
        for outcome in [preview, outcome] {
            #expect(outcome.errors == [nil, "service_name_conflict", nil])
            #expect(outcome.service(1)["error"]?["conflict"]?["autotaskServiceId"] == 900)
        }
        #expect(lane.writes.isEmpty && lane.services.count == 2)
    }

    @Test func `the one taken name of many is found in few calls`() async throws {
        let lane = try await lane(.all)
        lane.add("Ｓervice 63", id: 900)
        let wanted = SyncPayload.plan(100)
        let outcome = try await lane.sync(wanted)
        #expect(outcome.errors.indices.filter { outcome.errors[$0] != nil } == [63])
        #expect(lane.autotask.calls.count < 20)
    }

    @Test func `several taken names are each reported with their holder`() async throws {
        let lane = try await lane(.all)
        lane.add("Ａ", id: 901)
        lane.add("é", id: 902)
        lane.add("d", id: 903)
        let outcome = try await lane.sync(plan("a", "b", "E", "d"))
        #expect(outcome.errors == ["service_name_conflict", nil, "service_name_conflict", "service_name_conflict"])
        #expect((0...3).map { outcome.service($0)["error"]?["conflict"]?["autotaskServiceId"] } == [901, nil, 902, 903])
        #expect(lane.writes.isEmpty)
    }

    @Test func `a name that another service of the plan keeps is a duplicate, before any write`() async throws {
        let lane = try await lane(.all)
        try await lane.sync(plan("Café"))
        let outcome = try await lane.sync(plan("Café", "Ｃafe", "New", revision: 2))
        #expect(outcome.errors == [nil, "service_name_duplicate_in_plan", nil])
        #expect(outcome.service(1)["error"]?["message"]?.string?.contains("Café") == true)
        #expect(lane.writes.isEmpty)
    }

    @Test func `a name that a service of the plan gives up is taken afterwards, and a circle is closed`() async throws {
        let lane = try await lane(.all)
        try await lane.sync(plan("Café", "Straße"))
        let swap = plan("Strasse", "Cafe", revision: 2)
        let outcome = try await lane.sync(swap)
        #expect(outcome.statuses == ["Synced", "Synced"], "\(outcome.report)")
        #expect(lane.services.map { $0["name"]?.string } == ["Strasse", "Cafe"])
        #expect(try await lane.sync(swap).outcomes == ["unchanged", "unchanged"])
    }

    @Test func `a service may get another spelling of its own name`() async throws {
        let lane = try await lane(.all)
        try await lane.sync(plan("Cafe"))
        #expect(try await lane.sync(plan("Ｃafé", revision: 2)).outcomes == ["updated"])
    }

    @Test func `if accents matter, names that differ in them do not stop each other`() async throws {
        let lane = try await lane([.letterCase, .width])
        lane.add("Cafe", id: 900)
        #expect(try await lane.sync(plan("Café")).outcomes == ["created"])
    }

    @Test func `two new names that Autotask treats as equal are reported as duplicates when it refuses the second`() async throws {
        let lane = try await lane(.all)
        let outcome = try await lane.sync(plan("Café", "Cafe"))
        #expect(outcome.errors == [nil, "service_name_duplicate_in_plan"])
    }

    @Test func `a name that was taken between the look-up and the write is reported with its holder`() async throws {
        let lane = try await lane(.all)
        lane.autotask.onCall("POST Services") { [autotask = lane.autotask] in
            autotask.change { state in
                let taken: JSONObject = ["id": 900, "name": "Ｓervice 0", "isActive": true]
                if state.databases[Workbench.databaseID]?.services.isEmpty == true {
                    state.databases[Workbench.databaseID]?.services = [taken]
                }
            }
        }
        let outcome = try await lane.sync(.plan(1))
        #expect(outcome.errors == ["service_name_conflict"])
        #expect(outcome.service(0)["error"]?["conflict"]?["autotaskServiceId"] == 900)
    }

    @Test(
        arguments: [
            ["id": 900, "name": "Other", "unitPrice": "1,00 EUR"], ["id": 900, "name": "Other", "periodType": "monthly"],
            ["id": 900, "name": "Other", "internalID": 5], ["id": 900, "name": nil], ["id": 900, "name": "Other", "isActive": true],
        ] as [JSON]
    )
    func `a record that comes with every answer takes no name`(stray: JSON) async throws {
        let lane = try await lane(.all)
        lane.autotask.change { $0.databases[Workbench.databaseID]?.strays = [stray] }
        for plan in [SyncPayload.plan(2), .plan(2), SyncPayload.plan(3).with(0) { $0.name = "Renamed" }] {
            #expect(try await lane.sync(plan).errors.allSatisfy { $0 == nil })
        }
        #expect(lane.services.count == 3)
    }

    @Test func `a job's id that is also a name in Autotask hides no holder of that name`() async throws {
        let lane = try await lane(.all)
        lane.add("ｓync-1", id: 900)
        // This is the id of the bench's first job.
        #expect(try await lane.sync(plan("sync-1")).errors == ["service_name_conflict"])
        #expect(lane.writes.isEmpty)
    }

    @Test func `a name that the plan's own service has is not looked up again`() async throws {
        let lane = try await lane(.all, isUnique: false)
        try await lane.sync(plan("License"))
        lane.add("Ｌicense", id: 900)
        lane.autotask.forgetCalls()
        #expect(try await lane.sync(plan("License")).errors == [nil])
        #expect(lane.autotask.operations == ["POST Services/query"])
    }

    @Test func `names of printable ASCII take no further call`() async throws {
        let lane = try await lane(.all)
        try await lane.sync(.plan(3))
        try await lane.sync(SyncPayload.plan(4).with(1) { $0.name = "Renamed" })
        #expect(lane.autotask.operations == ["POST Services/query", "PATCH Services", "POST Services", "POST Services/query"])
    }
}
