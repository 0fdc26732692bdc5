import AutotaskModel
import Contract
import SQLiteStore
import Store
import Testing

@testable import Engine

/// Pauses act while no slot is free.
extension EngineFlowTests {
    private var settings: EngineSettings {
        var settings = EngineSettings()
        settings.acceptsClearCredentials = true
        settings.accessCutoff = nil
        settings.concurrentLanes = 1
        return settings
    }

    private func plan(_ id: String) -> JSON {
        let service: JSON = [
            "key": "license", "name": "Licence", "type": "License", "period": "Monthly", "unitCost": "4.5", "unitPrice": "9",
            "billingCodeId": 29_683_001,
        ]
        return ["planId": .string(id), "services": [service]]
    }

    /// The codes of the events of a job, once there are any; within a number of steps of the clock.
    private func codes(of id: String, within steps: Int = 20) async -> [String] {
        for _ in 0..<steps {
            let events = await results.published { _ in true }.map(\.event).filter { $0.jobID?.description == id }
            if !events.isEmpty { return events.map { "\($0.type.rawValue) \($0.errorCode ?? "")" } }
            await clock.advanceToNextSleeper()
        }
        return []
    }

    @Test func `a pause holds and ends jobs although every slot is taken, and its end releases them`() async throws {
        addUser()
        try await withEngine(settings: settings) { store in
            door.deliver(delivery("connect", id: "connect-1", data: ["credentials": ["username": "api@demo.example", "secret": "s3cret"]]))
            _ = await results.published { $0.contains { $0.event.type == .connectionEstablished } }
            calls.hold()
            door.deliver(delivery("sync", id: "busy", data: plan("p")))
            await calls.untilHeld()
            let order = PauseOrder(.tenant(TenantID("msp-2")!), because: "a test", until: clock.now + .seconds(3600))
            let pause = try #require(try await store.pause(order, by: .systemUser(9), at: clock.now))
            door.deliver(
                delivery("sync", id: "held", tenant: "msp-2", data: plan("p")),
                delivery("billing-codes", id: "ended", tenant: "msp-2"),
                delivery("billing-codes", id: "free", tenant: "msp-3")
            )
            #expect(await codes(of: "held") == ["job.deferred held"])
            #expect(await codes(of: "ended") == ["billing-codes.failed held"])
            // The slot is still taken, and a job that no pause concerns waits for it.
            #expect(await codes(of: "free", within: 3).isEmpty)
            let running = try await store.situation(of: Lane(tenant: TenantID("msp-4711")!, product: .workplace), at: clock.now)?.holder?
                .job?.id
            #expect(running?.description == "busy")
            #expect(try await store.endPause(pause.id, by: .systemUser(9), at: clock.now) == pause)
            for _ in 0..<5 { await clock.advanceToNextSleeper() }
            let released = try await store.lane(Lane(tenant: TenantID("msp-2")!, product: .workplace))?.unfinished.first
            #expect(released?.pausedBy == nil && released?.id.description == "held")
            calls.release()
            _ = await results.published { $0.contains { $0.event.jobID?.description == "free" } }
        }
    }

    @Test func `jobs that a pause ends take no more slots than it may end at once`() async throws {
        addUser()
        try await withEngine(settings: settings) { store in
            door.deliver(delivery("connect", id: "connect-1", data: ["credentials": ["username": "api@demo.example", "secret": "s3cret"]]))
            _ = await results.published { $0.contains { $0.event.type == .connectionEstablished } }
            calls.hold()
            door.deliver(delivery("sync", id: "busy", data: plan("p")))
            await calls.untilHeld()
            let order = PauseOrder(.kind(.billingCodes), because: "a test", until: clock.now + .seconds(3600))
            _ = try await store.pause(order, by: .systemUser(9), at: clock.now)
            let count = Pause.lanesPerClaim * 2 + 10
            door.deliver((0..<count).map { delivery("billing-codes", id: "job-\($0)", tenant: "msp-\($0)") })
            for number in [0, count - 1] { #expect(await codes(of: "job-\(number)") == ["billing-codes.failed held"]) }
            calls.release()
            let ended = await results.published { $0.count { $0.event.type == .billingCodesFailed } == count }
            #expect(ended.allSatisfy { $0.event.type != .billingCodesFailed || $0.event.errorCode == "held" })
        }
    }

    @Test func `held jobs do not stop intake before their own limit, and intake resumes once they are released`() async throws {
        var settings = settings
        settings.backlogLimit = 2
        try await withEngine(settings: settings) { [settings] store in
            let order = PauseOrder(.kind(.sync), because: "a test", until: clock.now + .seconds(3600))
            let pause = try #require(try await store.pause(order, by: .systemUser(9), at: clock.now))
            let limit = Backlog.heldShare(of: settings.backlogLimit)
            for number in 1..<limit {
                door.deliver(delivery("sync", id: "job-\(number)", tenant: "msp-\(number)", data: plan("p")))
                #expect(await codes(of: "job-\(number)") == ["job.deferred held"])
            }
            door.deliver(delivery("reset", id: "reset", tenant: "msp-0", data: ["confirm": true]))
            #expect(await codes(of: "reset") == ["integration.reset "])
            #expect(door.suspensions.isEmpty)
            door.deliver(delivery("sync", id: "last", tenant: "msp-last", data: plan("p")))
            #expect(await codes(of: "last") == ["job.deferred held"])
            // The jobs are counted when this one comes, if they were not when the last one was held.
            door.deliver(delivery("reset", id: "reset-2", tenant: "msp-0", data: ["confirm": true]))
            await door.isSuspended(true)
            _ = try await store.endPause(pause.id, by: .systemUser(9), at: clock.now)
            while door.suspensions == [true] { await clock.advanceToNextSleeper() }
            #expect(door.suspensions == [true, false])
        }
    }
}
