import AutotaskModel
import Contract
import HTTP
import Store
import Testing

@testable import Engine

/// What an earlier sync wrote, and could not report, is no edit of a person.
@Suite("Sync: own writes of an earlier sync")
struct OwnWriteTests {
    enum Field: CaseIterable { case price, name }

    /// How the earlier sync's write stays unsettled. It takes effect in Autotask in any case.
    enum Mishap: CaseIterable { case killed, lostAnswer, lateCommit }

    private func plan(_ value: Int, _ field: Field = .price) -> SyncPayload {
        .plan(1, revision: Int64(value)).with(0) {
            switch field {
            case .price: $0.unitPrice = .value(.amount("\(value).00"))
            case .name: $0.name = "Name \(value)"
            }
        }
    }

    /// A lane where a sync that wrote `plan` was superseded, and its write took effect.
    private func lane(_ plan: SyncPayload, after first: SyncPayload, _ mishap: Mishap = .lostAnswer) async throws -> SyncBench {
        let lane = try await SyncBench()
        try await lane.sync(first)
        lane.autotask.fail("PATCH Services", mishap == .lateCommit ? .lateCommit : .lostAnswer)
        try await lane.sync(plan, survives: mishap != .killed)
        lane.autotask.land()
        lane.supersede(plan)
        return lane
    }

    @Test(arguments: Field.allCases, Mishap.allCases)
    func `a superseded sync's write is no edit, and does not stop the newer sync`(field: Field, mishap: Mishap) async throws {
        let lane = try await lane(plan(11, field), after: plan(10, field), mishap)
        #expect(try await lane.preview(plan(12, field)).service(0)["overwritten"] == [])
        let outcome = try await lane.sync(plan(12, field).braked())
        #expect(outcome.terminal?.type == .syncSucceeded)
        #expect(outcome.service(0)["overwritten"] == [] && outcome.warnings(0).isEmpty)
        #expect(outcome.service(0)["changes"]?.array?.count == 1)
        #expect(lane.state.openWrites.isEmpty)
    }

    @Test func `a person's edit after a superseded sync's write is reported`() async throws {
        let lane = try await lane(plan(11), after: plan(10))
        lane.edit("Service 0", "unitPrice", .number("5.0"))
        lane.edit("Service 0", "name", "Edited")
        let outcome = try await lane.sync(plan(12).braked())
        #expect(outcome.errors == ["acknowledgement_needed"])
        // The held sync has settled nothing.
        let forced = try await lane.sync(plan(12))
        #expect(forced.service(0)["overwritten"]?.array?.map { $0["field"]?.string } == ["name", "unitPrice"])
        #expect(forced.warnings(0) == ["edit_overwritten"])
    }

    @Test func `own writes stay known over several superseded syncs`() async throws {
        let lane = try await lane(plan(11), after: plan(10))
        for (price, fault) in [(12, FakeAutotask.Fault.lostAnswer), (13, .noAnswer(.connectionLost)), (14, .lateCommit)] {
            lane.autotask.fail("PATCH Services", fault)
            let outcome = try await lane.sync(plan(price).braked())
            #expect(outcome.deferral?.error.code == .outcomeUnknown, "\(outcome.report)")
            lane.autotask.land()
            lane.supersede(plan(price))
        }
        // No event has reported what the superseded syncs wrote.
        let outcome = try await lane.sync(plan(15).braked())
        #expect(outcome.service(0)["changes"] == [["field": "unitPrice", "from": "10.00", "to": "15.00"]])
        #expect(outcome.service(0)["overwritten"] == [])
    }

    @Test func `own writes stay known after Autotask refused a later one`() async throws {
        let lane = try await lane(plan(11), after: plan(10))
        lane.autotask.fail("PATCH Services", .status(500, body: #"{"errors":["A name is required."]}"#))
        #expect(try await lane.sync(plan(12)).errors == ["remote_rejected"])
        #expect(lane.state.openWrites.isEmpty)
        let outcome = try await lane.sync(plan(13).braked())
        #expect(outcome.terminal?.type == .syncSucceeded && outcome.service(0)["overwritten"] == [])
    }

    @Test func `a value that was written and read back is known although another field differs`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(plan(10))
        lane.autotask.onCall("PATCH Services") { [autotask = lane.autotask] in
            autotask.onCall("POST Services/query") {
                autotask.change { $0.databases[Workbench.databaseID]?.services[0]["name"] = "Other" }
            }
        }
        #expect(try await lane.sync(plan(11)).errors == ["remote_rejected"])
        let outcome = try await lane.sync(plan(12))
        #expect(outcome.service(0)["overwritten"]?.array?.map { $0["field"]?.string } == ["name"])
    }

    // MARK: Edits that such a write overrode

    /// The sync that finds the write in Autotask.
    enum Finder: CaseIterable { case sameJob, newerSync, newerPrice }

    @Test(arguments: Mishap.allCases, Finder.allCases)
    func `an edit that a write overrode is reported by the sync that finds the write`(mishap: Mishap, finder: Finder) async throws {
        for price in [10, 12] {
            let lane = try await SyncBench()
            try await lane.sync(plan(10))
            lane.edit("Service 0", "unitPrice", .number("99.5"))
            lane.autotask.fail("PATCH Services", mishap == .lateCommit ? .lateCommit : .lostAnswer)
            try await lane.sync(plan(price), survives: mishap != .killed)
            lane.autotask.land()
            let outcome: HandlerOutcome
            if finder == .sameJob {
                lane.clock.advance(by: .seconds(301))
                outcome = try await lane.attempt(plan(price))
            } else {
                lane.supersede(plan(price))
                // The edit is gone, so nothing is left to acknowledge.
                outcome = try await lane.sync(plan(finder == .newerPrice ? 14 : price).braked())
            }
            let change: JSON = [["field": "unitPrice", "from": "99.50", "to": .string("\(finder == .newerPrice ? 14 : price).00")]]
            #expect(outcome.service(0)["changes"] == change && outcome.outcomes == ["updated"], "\(outcome.service(0))")
            #expect(outcome.service(0)["overwritten"] == change && outcome.warnings(0).contains("edit_overwritten"))
            #expect(try await lane.sync(plan(15)).service(0)["overwritten"] == [])
        }
    }

    @Test func `an edit that a write overrode is reported although the read-back failed`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(plan(10))
        lane.edit("Service 0", "unitPrice", .number("99.5"))
        lane.autotask.onCall("PATCH Services") { [autotask = lane.autotask] in
            autotask.fail("POST Services/query", .status(503))
        }
        let outcome = try await lane.syncToEnd(plan(12))
        let change: JSON = [["field": "unitPrice", "from": "99.50", "to": "12.00"]]
        #expect(outcome.service(0)["overwritten"] == change && outcome.service(0)["changes"] == change)
    }

    @Test func `an edit that a write overrode is reported although Autotask refuses the next write`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(plan(10))
        lane.edit("Service 0", "unitPrice", .number("99.5"))
        lane.autotask.fail("PATCH Services", .lostAnswer)
        try await lane.sync(plan(12))
        lane.supersede(plan(12))
        lane.autotask.fail("PATCH Services", .status(500, body: #"{"errors":["A name is required."]}"#))
        let refused = try await lane.sync(plan(14))
        let change: JSON = [["field": "unitPrice", "from": "99.50", "to": "12.00"]]
        #expect(refused.outcomes == ["rejected"] && refused.service(0)["overwritten"] == change && refused.service(0)["changes"] == change)
        let outcome = try await lane.sync(plan(15).braked())
        #expect(outcome.service(0)["changes"] == [["field": "unitPrice", "from": "12.00", "to": "15.00"]])
        #expect(outcome.service(0)["overwritten"] == [])
    }

    @Test func `the last attempt says which service it wrote with an unknown outcome`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(plan(10))
        lane.autotask.fail("PATCH Services", .lostAnswer)
        let outcome = try await lane.sync(plan(12))
        guard case .transient(_, _, let failure) = outcome.ending else { throw CancellationError() }
        let service = failure.members["services"]?.array?.first
        #expect(service?["status"] == "Error" && service?["error"]?["code"] == "outcome_unknown", "\(failure.members)")
    }

    @Test func `a service that was linked by a write without an answer lists what that write changed`() async throws {
        let lane = try await SyncBench()
        lane.add("Service 0", id: 977)
        lane.autotask.fail("PATCH Services", .lostAnswer)
        var adopting = plan(12)
        adopting.adopted = ["s0": 977]
        try await lane.sync(adopting)
        lane.clock.advance(by: .seconds(301))
        let outcome = try await lane.attempt(adopting)
        #expect(outcome.outcomes == ["adopted"], "\(outcome.report)")
        let change: JSON = ["field": "unitPrice", "from": "1.00", "to": "12.00"]
        #expect(outcome.service(0)["changes"]?.array?.contains(change) == true, "\(outcome.service(0))")
        #expect(lane.state.openWrites.isEmpty)
    }

    @Test func `an answer that says nothing is no refusal if the write before it had an effect`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(plan(10))
        for price in [12, 14] {
            lane.autotask.fail("PATCH Services", .garbledAnswer)
            let outcome = try await lane.sync(plan(price))
            #expect(outcome.deferral?.error.code == .outcomeUnknown, "\(outcome.report)")
            lane.supersede(plan(price))
        }
        let outcome = try await lane.sync(plan(15).braked())
        #expect(outcome.terminal?.type == .syncSucceeded && outcome.service(0)["overwritten"] == [])
        #expect(outcome.service(0)["changes"] == [["field": "unitPrice", "from": "10.00", "to": "15.00"]])
    }

    @Test func `a sync that is not valid says which service has a write with an unknown outcome`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(.names("A", "B", revision: 1))
        lane.autotask.fail("PATCH Services", .lostAnswer)
        let dearer = SyncPayload.names("A", "B").with(0) { $0.unitPrice = .value(.amount("11.00")) }
        try await lane.sync(dearer)
        lane.supersede(dearer)
        let outcome = try await lane.sync(dearer.with(1) { $0.unitPrice = .missing })
        #expect(outcome.terminal?.type == .syncFailed && outcome.terminal?.errorCode == "price_invalid")
        #expect(outcome.errors == ["outcome_unknown", "price_invalid"], "\(outcome.report)")
    }

    // MARK: Exchanged names

    @Test(arguments: 0..<4, [true, false])
    func `no name of a superseded exchange is an edit`(place: Int, isAnswerLost: Bool) async throws {
        for newer in [SyncPayload.names("A", "B", "C"), SyncPayload.names("X", "Y", "Z"), SyncPayload.names("C", "A", "B")] {
            let (lane, _) = try await SyncBench.exchange(killedAt: place, isAnswerLost: isAnswerLost)
            let outcome = try await lane.sync(newer.braked())
            #expect(outcome.terminal?.type == .syncSucceeded, "\(outcome.report)")
            #expect((0..<3).allSatisfy { outcome.service($0)["overwritten"] == [] })
            #expect(lane.services.map { $0["name"]?.string } == newer.services.map(\.name))
            for index in 0..<3 {
                let isUpdated = outcome.outcomes[index] == "updated"
                #expect(isUpdated == (outcome.service(index)["changes"] != []), "\(outcome.service(index))")
            }
        }
    }

    @Test func `a service whose earlier write had no effect and that needs none is unchanged`() async throws {
        let lane = try await SyncBench()
        try await lane.sync(plan(10))
        lane.autotask.fail("PATCH Services", .noAnswer(.connectionLost, mayHaveBeenSent: true))
        try await lane.sync(plan(11))
        lane.supersede(plan(11))
        let outcome = try await lane.sync(plan(10))
        #expect(outcome.outcomes == ["unchanged"] && lane.writes.isEmpty)
        #expect(lane.state.openWrites.isEmpty)
    }
}

extension SyncPayload {
    /// The plan, with the request to stop before an edit is overridden.
    func braked() -> SyncPayload {
        var plan = self
        plan.acknowledgementRequired = [.editOverwritten]
        return plan
    }

    /// A plan of services with these names and the keys `s0`, `s1`, …
    static func names(_ names: String..., revision: Int64 = 2) -> SyncPayload {
        SyncPayload(planID: "plan", revision: revision, services: names.enumerated().map { .sample($0.offset, name: $0.element) })
    }
}

extension SyncBench {
    /// A lane where an exchange of names was killed at one of its writes, and superseded; with the end of that sync.
    static func exchange(killedAt place: Int, isAnswerLost: Bool = true) async throws -> (SyncBench, HandlerOutcome) {
        let lane = try await SyncBench()
        lane.autotask.change { $0.databases[Workbench.databaseID]?.hasUniqueNames = true }
        try await lane.sync(.names("A", "B", "C", revision: 1))
        for _ in 0..<place { lane.autotask.pass("PATCH Services") }
        lane.autotask.fail("PATCH Services", isAnswerLost ? .lostAnswer : .noAnswer(.connectionLost))
        try await lane.sync(.names("B", "C", "A"), survives: false)
        return (lane, lane.supersede(.names("B", "C", "A")))
    }
}
