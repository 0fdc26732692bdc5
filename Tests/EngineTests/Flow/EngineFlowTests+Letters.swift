import AutotaskModel
import Contract
import SQLiteStore
import Store
import StoreConformance
import Testing
import Vault

@testable import Engine

extension EngineFlowTests {
    private var settings: EngineSettings {
        EngineSettings(acceptsClearCredentials: true, retry: RetryPolicy(maximumAttempts: 2))
    }

    private var plan: JSON {
        [
            "planId": "p", "revision": 3,
            "services": [
                [
                    "key": "a", "name": "A", "type": "License", "period": "Monthly", "unitCost": "1", "unitPrice": "2",
                    "billingCodeId": .number("29683001"),
                ]
            ],
        ]
    }

    /// A tenant's connect, with credentials that Autotask knows.
    private var connect: JobMessage {
        autotask.change {
            $0.databases[5] = FakeAutotask.Database(host: "webservices2.autotask.net")
            $0.users["api@msp"] = FakeAutotask.User(secret: "secret", integrationCode: "code", databaseID: 5)
        }
        let data: JSON = [
            "firstConfiguredAt": "2020-01-01T00:00:00Z",
            "credentials": ["username": "api@msp", "secret": "secret", "integrationCode": "code"],
        ]
        return delivery("connect", id: "connect-1", data: data)
    }

    private func letters(_ store: any Store) async throws -> [KeptLetter] { try await store.letters(.all, after: 0, limit: 10) }

    @Test func `a sync whose attempts are spent is dead-lettered, and its copy succeeds and names the original`() async throws {
        try await withEngine(settings: settings) { store in
            door.deliver(connect)
            _ = await results.published { $0.last?.event.type == .connectionEstablished }
            autotask.fail("POST Services/query", .status(503), .status(503))
            door.deliver(delivery("sync", id: "sync-1", data: plan))
            _ = await results.published { $0.last?.event.type == .jobDeferred }
            await clock.untilIdle()
            clock.advance(by: .seconds(3))
            _ = await results.published { $0.last?.event.type == .syncFailed }

            let kept = try #require(try await letters(store).first)
            #expect(
                kept.letter.jobID == JobID("sync-1")
                    && kept.letter.cause == FailureCause(reason: "attempts_spent", kind: .sync, code: .autotaskUnavailable)
            )
            guard case .job(let job) = kept.letter.content else { throw LetterOfMessage() }
            #expect(job.attempts == 2 && job.revision == 3 && job.history.count == 1)
            let stranger = DeadLetterOffice(store: store, vault: Vault(KeyRing.generate(at: clock.now)))
            let refused = try await stranger.redrive(kept, by: .systemUser(0), at: clock.now)
            #expect(refused == .refused(.unopenable))

            let office = DeadLetterOffice(store: store, vault: vault)
            let entered = try await office.redrive(kept, by: .systemUser(0), at: clock.now)
            #expect(entered == .entered)
            // The dead letter as it was read before, and as it is now.
            for letter in try await letters(store) + [kept] {
                let again = try await office.redrive(letter, by: .systemUser(0), at: clock.now)
                #expect(again == .before(KeptLetter.Copy(id: JobID("sync-1:redrive-1")!, at: clock.now)))
            }
            // The worker gets no notice: it looks on its own.
            await clock.untilIdle()
            clock.advance(by: WorkerLease.renewal)
            let events = await results.published { $0.contains { $0.event.type == .syncSucceeded } }
            let copy = try #require(events.last { $0.event.type == .syncSucceeded })
            #expect(copy.event.jobID == JobID("sync-1:redrive-1") && copy.event.redriveOf == JobID("sync-1"))
            #expect(events.filter { $0.event.jobID == JobID("sync-1") }.allSatisfy { $0.event.redriveOf == nil })
        }
    }

    @Test func `a connect whose attempts are spent is dead-lettered without its credentials`() async throws {
        autotask.fail("GET zoneInformation", .status(503), .status(503))
        try await withEngine(settings: settings) { store in
            door.deliver(connect)
            _ = await results.published { $0.last?.event.type == .jobDeferred }
            await clock.untilIdle()
            clock.advance(by: .seconds(3))
            _ = await results.published { $0.last?.event.type == .connectionFailed }
            let kept = try #require(try await letters(store).first)
            #expect(!kept.hasPayload && kept.letter.reason == "attempts_spent")
            let outcome = try await DeadLetterOffice(store: store, vault: vault).redrive(kept, by: .systemUser(0), at: clock.now)
            #expect(outcome == .refused(.connect))
        }
    }

    @Test func `a job that cannot be opened is abandoned and dead-lettered`() async throws {
        try await withEngine(settings: settings) { store in
            let other = WorkerID("another")
            _ = try await store.join(other, until: clock.now + .seconds(5), at: clock.now)
            let key = JobKey(id: JobID("sync-1")!, lane: Lane(tenant: TenantID("msp-2")!, product: .workplace), digest: [1])
            let job = AcceptableJob(key: key, kind: .sync, sealedPayload: [1, 2, 3])
            _ = try await store.accept([IntakeItem(.job(job))], by: other, at: clock.now) { _ in preconditionFailure("there is no conflict")
            }
            door.deliver(delivery("billing-codes", id: "job-1"))
            let events = await results.published { $0.count == 2 }
            #expect(events.contains { $0.event.type == .jobAbandoned && $0.event.jobID == JobID("sync-1") })
            let kept = try await letters(store)
            #expect(kept.map(\.letter.reason) == ["unopenable"] && kept.map(\.letter.cause.code) == [.internal])
        }
    }
}

private struct LetterOfMessage: Error {}
