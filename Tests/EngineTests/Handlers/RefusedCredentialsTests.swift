import AutotaskModel
import Contract
import Store
import Testing

@testable import Engine

/// A connect does not send credentials that were refused just now, nor others after many refused ones: Autotask might lock the API user.
@Suite("Connect: refused credentials")
struct RefusedCredentialsTests {
    private let bench = Workbench()
    private let fresh = LaneState(epoch: 1)

    @Test func `refused credentials are answered from memory for five minutes, others are not`() async throws {
        let wrong = Workbench.plaintext(secret: "wrong")
        let state = fresh.applying(try await bench.connect(bench.connectPayload(wrong)).changes)
        bench.autotask.forgetCalls()
        bench.clock.advance(by: .seconds(299))
        let remembered = try await bench.connect(bench.connectPayload(wrong), state: state)
        #expect(remembered.terminal?.type == .connectionFailed)
        #expect(remembered.terminal?.errorCode == "credentials_invalid")
        #expect(remembered.terminal?.members["error"]?["hint"]?.string?.contains("2026-11-22T08:05:00.000Z") == true)
        #expect(bench.apiCalls == 0 && bench.autotask.calls.isEmpty)

        let others = try await bench.connect(bench.connectPayload(), state: state)
        #expect(others.terminal?.type == .connectionEstablished)
        #expect(state.applying(others.changes).refusedCredentials == state.refusedCredentials)

        bench.autotask.forgetCalls()
        bench.clock.advance(by: .seconds(1))
        let again = try await bench.connect(bench.connectPayload(wrong), state: state)
        #expect(again.terminal?.errorCode == "credentials_invalid")
        #expect(bench.autotask.operations == ["GET zoneInformation", "GET Version"])
    }

    @Test func `after several wrong passwords, the first one is still answered from memory`() async throws {
        let first = Workbench.plaintext(secret: "wrong")
        var state = fresh.applying(try await bench.connect(bench.connectPayload(first)).changes)
        let second = Workbench.plaintext(secret: "wrong as well")
        state = state.applying(try await bench.connect(bench.connectPayload(second), state: state).changes)
        bench.autotask.forgetCalls()
        for wrong in [first, second] {
            let remembered = try await bench.connect(bench.connectPayload(wrong), state: state)
            #expect(remembered.terminal?.errorCode == "credentials_invalid")
        }
        #expect(bench.autotask.calls.isEmpty)
    }

    @Test func `after ten refused credentials no others are sent for five minutes`() async throws {
        var state = fresh.applying(try await bench.connect(bench.connectPayload()).changes)
        for number in 1...RefusedCredentials.limit {
            let wrong = try bench.connectPayload(Workbench.plaintext(secret: "wrong \(number)"))
            state = state.applying(try await bench.connect(wrong, state: state).changes)
            bench.clock.advance(by: .seconds(1))
        }
        bench.autotask.forgetCalls()
        let other = try bench.connectPayload(Workbench.plaintext(secret: "right"))
        let held = try await bench.connect(other, state: state)
        #expect(held.terminal?.errorCode == "credentials_invalid" && bench.autotask.calls.isEmpty)
        #expect(held.terminal?.members["error"]?["hint"]?.string?.contains("10 different credentials") == true)
        // Those in use are.
        #expect(try await bench.connect(bench.connectPayload(), state: state).terminal?.type == .connectionEstablished)
        bench.autotask.change { $0.users[Workbench.username]?.secret = "right" }
        bench.clock.advance(by: .seconds(291))
        #expect(try await bench.connect(other, state: state).terminal?.type == .connectionEstablished)
    }
}
