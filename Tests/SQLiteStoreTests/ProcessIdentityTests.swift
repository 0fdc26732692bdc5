import ChildProcesses
import Contract
import Foundation
import Store
import StoreConformance
import Testing

@testable import SQLiteStore

/// Workers whose process is gone are immediately known to be dead.
struct ProcessIdentityTests {
    @Test("A running process is found, and survives the round trip through text")
    func living() throws {
        let current = try #require(ProcessIdentity.current)
        #expect(current.id == ProcessInfo.processInfo.processIdentifier && !current.isGone)
        #expect(ProcessIdentity(text: current.text) == current)
    }

    @Test("Text of another form is no process", arguments: ["", "a b c d", "a b 1", "a b 1 2 3"])
    func nonsense(_ text: String) { #expect(ProcessIdentity(text: text) == nil) }

    @Test("A process that has ended is gone")
    func dead() throws { #expect(try ended().isGone) }

    @Test("Another process with the same id is not the expected one")
    func reusedID() throws {
        let parts = try #require(ProcessIdentity.current).text.split(separator: " ")
        let earlier = try #require(ProcessIdentity(text: "\(parts[0]) \(parts[1]) \(parts[2]) 1"))
        #expect(earlier.isGone)
    }

    @Test("A process from before the machine's restart is gone, and an invisible one may be alive")
    func elsewhere() throws {
        let parts = try #require(ProcessIdentity.current).text.split(separator: " ")
        #expect(try #require(ProcessIdentity(text: "another-boot \(parts[1]) \(parts[2]) \(parts[3])")).isGone)
        #expect(try !#require(ProcessIdentity(text: "\(parts[0]) pid:[1] 999999 1")).isGone)
    }

    @Test("A dead process's lanes are taken over before its lease is over, and a living one's are not")
    func takeover() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("store.sqlite")
        let writer = try Writer(try StoreFile.open(path, mustExist: false), chain: .bench)
        let (dead, lease) = (try ended(), Timestamp.start + .seconds(3600))
        _ = try await writer.write { try $0.join(.one, in: dead, until: lease, at: .start) }
        _ = try await writer.write { try $0.join(WorkerID("living"), in: .current, until: lease, at: .start) }
        // The dead worker was just taken over, so it joins once more, as if it had died later.
        _ = try await writer.write { try $0.join(.one, in: dead, until: lease, at: .start) }
        let job = IntakeItem.job("a")
        _ = try await writer.write { try $0.accept([job], by: .one, at: .start) { _ in preconditionFailure() } }
        let claimed = try await writer.write { try $0.claim(ClaimRequest(worker: .one, limit: 1), at: .start) { $0.first } }
        #expect(claimed.claims.count == 1)
        writer.stop()
        await writer.waitUntilStopped()

        let store = try await SQLiteStore(path: path, auditing: .bench)
        #expect(try await store.join(.two, until: lease, at: .start + .seconds(1)) == Takeover(lanes: 1, events: 0, nextEnd: lease))
        let again = try await store.claim(ClaimRequest(worker: .two, limit: 1), at: .start + .seconds(1)) { $0.first }
        #expect(again.claims.map(\.job.interruptions) == [1])
        let renewal = try await store.renew(WorkerID("living"), until: lease, at: .start + .seconds(2))
        #expect(renewal == Takeover(lanes: 0, events: 0, nextEnd: lease))
        await store.close()
    }

    /// The identity of a process that ran a moment ago.
    private func ended() throws -> ProcessIdentity {
        let process = try ChildProcess(["sleep", "60"])
        let identity = try #require(ProcessIdentity(processID: process.id))
        #expect(!identity.isGone)
        process.send(SIGKILL)
        process.waitUntilExit()
        return identity
    }
}
