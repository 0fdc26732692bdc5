import AutotaskModel
import Contract
import Logging
import SealedVectors
import Testing
import Vault

@testable import Engine

/// What a portal, a monitor and an operator see of credentials that other implementations sealed (`schemas/vectors`).
struct SealedCredentialsTests {
    private let firstConfiguredAt = Timestamp("2021-05-04T00:00:00Z")

    private func bench(_ vector: SealedVectors.Vector) -> Workbench { Workbench(lane: vector.lane, keyRing: SealedVectors.current.keyRing) }

    private func run(_ vector: SealedVectors.Vector, on bench: Workbench) async throws -> HandlerOutcome {
        let payload = ConnectPayload(credentials: .sealed(vector.credentials), firstConfiguredAt: firstConfiguredAt)
        return try await ConnectHandler().run(payload, bench.context(.connect, id: vector.job.description))
    }

    @Test(arguments: SealedVectors.current.opening)
    func `credentials that others sealed connect, with every byte intact`(vector: SealedVectors.Vector) async throws {
        guard case .opens(let plaintext) = vector.answer else {
            Issue.record("It is not a vector that opens: \(vector)")
            return
        }
        let opened = try JSON(parsing: Array(plaintext.utf8))
        let bench = bench(vector)
        let user = FakeAutotask.User(
            secret: try #require(opened["secret"]?.string),
            integrationCode: opened["integrationCode"]?.string ?? Workbench.vendorCode,
            databaseID: Workbench.databaseID
        )
        let username = try #require(opened["username"]?.string)
        bench.autotask.change { $0.users[username] = user }
        #expect(try await run(vector, on: bench).terminal?.type == .connectionEstablished)
        #expect(bench.log.lines.allSatisfy { $0.level < .warning })
    }

    @Test func `whatever the fault, the answers for one code are identical, and Autotask is not called`() async throws {
        var answers: [String: Set<[UInt8]>] = [:]
        for vector in SealedVectors.current.refused {
            guard case .refused(let code) = vector.answer else {
                Issue.record("It is not a vector that stays closed: \(vector)")
                continue
            }
            let bench = bench(vector)
            let outcome = try await run(vector, on: bench)
            let event = try #require(outcome.terminal)
            #expect(outcome.events.map(\.type) == [.jobRejected], "\(vector)")
            #expect(event.errorCode == code, "\(vector)")
            #expect(bench.autotask.calls.isEmpty)
            var data = try #require(event.members.object)
            data["jobId"] = nil
            answers[code, default: []].insert(JSON.object(data).encoded)
        }
        func answer(_ code: ErrorCode) -> Set<[UInt8]> {
            [JSON.object(["error": JobError(code, field: "data.credentials").json]).encoded]
        }
        #expect(answers == ["decryption_failed": answer(.decryptionFailed), "key_unknown": answer(.keyUnknown)])
    }

    @Test func `the log names the tenant and key once, and nothing of the sealed text`() async throws {
        for vector in SealedVectors.current.refused {
            guard case .refused(let code) = vector.answer else {
                Issue.record("It is not a vector that stays closed: \(vector)")
                continue
            }
            let bench = bench(vector)
            _ = try await run(vector, on: bench)
            let line = try #require(bench.log.lines.first { $0.level >= .warning })
            #expect(bench.log.lines.count == 1)
            #expect(line.level == .warning && line.message == "Sealed credentials do not open")
            let told = line.metadata.mapValues { "\($0)" }
            #expect(Set(told.keys) == ["tenant", "product", "job_id", "kind", "attempt", "trace_id", "code", "key_id"])
            #expect(told["tenant"] == vector.lane.tenant.description && told["job_id"] == vector.job.description && told["code"] == code)
            if vector.credentials.keyID.hasPrefix("portal-"), vector.credentials.keyID.count < 64 {
                #expect(told["key_id"] == vector.credentials.keyID)
            }
        }
    }

    @Test(arguments: [
        String(repeating: "\u{1F511}", count: 1 << 18), String(repeating: "\\", count: 1 << 20), "\n\r\u{1B}[2J\u{202E}\"\u{0}\u{85}",
    ])
    func `a foreign key name is logged as one short line of printable ASCII`(keyID: String) async throws {
        let bench = Workbench()
        var sealed = try bench.sealed()
        sealed.keyID = keyID
        _ = try await bench.connect(ConnectPayload(credentials: .sealed(sealed), firstConfiguredAt: firstConfiguredAt))
        let told = "\(try #require(bench.log.lines.first?.metadata["key_id"]))"
        #expect(told.utf8.count < 1000)
        #expect(told.utf8.allSatisfy { (0x20...0x7E).contains($0) })
    }
}
