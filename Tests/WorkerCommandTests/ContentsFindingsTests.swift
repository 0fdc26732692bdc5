import Contract
import FoundationEssentials
import Operations
import Store
import Testing
import Vault

@testable import SQLiteStore
@testable import autotask_worker

/// The findings for a store's contents.
struct ContentsFindingsTests {
    @Test("A new store has no findings except that no worker runs on it")
    func empty() async throws {
        let findings = try await found { _ in }
        #expect(
            findings == [
                "warn workers: No worker runs on the store.", "pass jobs: 0 unfinished jobs.",
                "pass integrations: 0 integrations, 0 of them connected.",
                "pass credentials: The key ring opens the credentials keys of 0 connections.",
                "pass writes: No write to Autotask is unresolved.",
                "pass dead letters: There are no dead letters.",
            ]
        )
    }

    @Test("Without a key ring it is unknown whether credentials open")
    func noRing() async throws {
        let findings = try await found(vault: nil) { _ in }
        #expect(
            findings.contains("unknown credentials: Not checked: there is no key ring to open the credentials of 0 connections.")
        )
    }

    @Test(
        "Workers are alive, about to be replaced, or not replaced",
        arguments: [
            ([15], [0], "pass workers: 1 worker runs on the store."),
            ([15, 15], [0, 1], "pass workers: 2 workers run on the store."),
            (
                [15, -5], [0, 2],
                "pass workers: 1 worker runs on the store. Dead workers hold 2 integrations: a worker is about to take them over."
            ),
            (
                [15, -60], [0, 1],
                "fail workers: Dead workers hold 1 integration, and no worker has taken over, although a worker runs."
            ),
            ([-60], [3], "warn workers: No worker runs on the store. Dead workers hold 3 integrations."),
        ]
    )
    func workers(leases: [Int], lanes: [Int], finding: String) async throws {
        let findings = try await found { inspection in
            inspection.workers = zip(leases, lanes).map { lease, lanes in
                .init(id: WorkerID("w-\(lease)"), leaseEnd: now + .seconds(lease), isGone: false, lanes: lanes)
            }
        }
        #expect(findings.contains(finding), "\(findings)")
    }

    @Test("Warnings name an example")
    func findings() async throws {
        let findings = try await found { inspection in
            inspection.breaches = [.init(law: .backlogIsCounted, occurrences: .init(["msp-1/workplace"]))]
            inspection.heldUp = .init(["msp-1/workplace (rate_limited)"])
            inspection.lostConnections = .init(["a", "b", "c", "d"])
            inspection.connections = 5
            inspection.postponedTooFar = .init(["msp-2 job"])
            inspection.backlog = Backlog(waiting: 10, held: 40)
            inspection.setAside = .init(["msp-3/workplace: row 7"])
            inspection.unansweredWrites = .init(["msp-1/workplace key"])
            inspection.deadLetters = [("untrusted", 2), ("rejected", 1)]
            inspection.credentialsKeys = [.init(lane: Lane(tenant: TenantID("msp-1")!, product: .workplace), wrapped: [1, 2])]
            inspection.acceptedAhead = .init(["msp-9 job"])
        }
        #expect(
            findings == [
                "warn workers: No worker runs on the store.", "warn clock: Jobs were accepted in the future: msp-9 job.",
                "warn jobs: 10 unfinished jobs: at BACKLOG_LIMIT (10) and above, further jobs wait at the broker.",
                "warn jobs: Pauses hold 40 jobs: at 4 times BACKLOG_LIMIT (10) and above, further jobs wait at the broker.",
                "warn jobs: The work of 1 integration waits, because calls to Autotask fail: msp-1/workplace (rate_limited).",
                "warn jobs: Jobs are deferred for longer than RETRY_HOURS allows: msp-2 job.",
                "fail integrations: With a wrong count of unfinished jobs: msp-1/workplace.",
                "warn integrations: 0 integrations, 1 of them connected, and 4 no longer: a, b, c and 1 more.",
                "fail integrations: Set aside, because a row of the store cannot be read: msp-3/workplace: row 7.",
                "fail credentials: The key ring does not open the credentials of 1 of 1 connection, such as msp-1/workplace.",
                "warn writes: Sent to Autotask more than a day ago, with the outcome unknown: msp-1/workplace key.",
                "warn dead letters: 3 dead letters: untrusted 2, rejected 1.",
            ]
        )
    }

    /// The summaries of the findings for a new store with a changed inspection.
    private func found(
        vault: Vault? = Vault(KeyRing.generate(at: now)),
        _ change: (inout StoreInspection) -> Void
    ) async throws -> [String] {
        let path = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString).sqlite").path
        defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
        let store = try await SQLiteStore(path: path, auditing: nil)
        await store.close()
        var inspection = try #require(
            try await StoreInspection.make(of: path, clock: { now }, maximumAge: .seconds(86_400), isThorough: false)
        )
        change(&inspection)
        return ContentsFindings(inspection, backlogLimit: 10, vault: vault).checks.summaries
    }
}
