import AutotaskModel
import Contract
import Secrets
import Store
import Testing
import Vault

@testable import Engine

extension Workbench {
    /// The plaintext of credentials, as a portal seals it.
    static func plaintext(_ username: String = username, secret: String = secret, integrationCode: String? = nil) -> String {
        var object: JSONObject = ["username": .string(username), "secret": .string(secret)]
        if let integrationCode { object["integrationCode"] = .string(integrationCode) }
        return String(decoding: JSON.object(object).encoded, as: UTF8.self)
    }

    /// Seals credentials as a portal does, from what `keys publish` prints.
    func sealed(_ plaintext: String = plaintext(), for job: String = "job-1") throws -> SealedCredentials {
        try PublishedKeys(keyRing.publicKeys(at: clock.now))
            .seal(SecretReference(copying: Array(plaintext.utf8).span), job: JobID(job)!, lane: lane, at: clock.now)
    }

    /// The payload of a connect job, with credentials sealed for it.
    func connectPayload(
        _ plaintext: String = plaintext(),
        job: String = "job-1",
        firstConfiguredAt: Timestamp? = Timestamp("2021-05-04T00:00:00Z"),
        allowDatabaseChange: Bool = false
    ) throws -> ConnectPayload {
        ConnectPayload(
            credentials: .sealed(try sealed(plaintext, for: job)),
            firstConfiguredAt: firstConfiguredAt,
            allowDatabaseChange: allowDatabaseChange
        )
    }

    /// Runs a connect job.
    func connect(_ payload: ConnectPayload, state: LaneState = LaneState(epoch: 1)) async throws -> HandlerOutcome {
        try await ConnectHandler().run(payload, context(.connect, state: state))
    }

    /// The lane after a successful connect. The calls that it took are forgotten.
    func connectedState(_ state: LaneState = LaneState(epoch: 1)) async throws -> LaneState {
        let outcome = try await connect(connectPayload(), state: state)
        try #require(outcome.terminal?.type == .connectionEstablished)
        autotask.forgetCalls()
        return state.applying(outcome.changes)
    }
}
