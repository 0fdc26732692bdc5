import AutotaskModel
import Contract
import Crypto
import Foundation
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
        let key = try #require(keyRing.publicKeys(at: clock.now)["keys"]?.array?.first)
        let publicKey = try #require(key["publicKey"]?.string.flatMap(Base64URL.decode))
        var sender = try HPKE.Sender(
            recipientKey: Curve25519.KeyAgreement.PublicKey(rawRepresentation: publicKey),
            ciphersuite: HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256),
            info: Data("autotask.job.connect/1".utf8)
        )
        let associated = Data("\(job)|\(lane.tenant)|\(lane.product.rawValue)".utf8)
        let ciphertext = try sender.seal(Data(plaintext.utf8), authenticating: associated)
        return SealedCredentials(
            keyID: try #require(key["keyId"]?.string),
            encapsulatedKey: Array(sender.encapsulatedKey),
            ciphertext: Array(ciphertext)
        )
    }

    /// What a connect job carries: credentials sealed for it.
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

    /// The lane after a connect that went well. The calls that it took are forgotten.
    func connectedState(_ state: LaneState = LaneState(epoch: 1)) async throws -> LaneState {
        let outcome = try await connect(connectPayload(), state: state)
        try #require(outcome.terminal?.type == .connectionEstablished)
        autotask.forgetCalls()
        return state.applying(outcome.changes)
    }
}
