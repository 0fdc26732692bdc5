import Contract
import Crypto
import Foundation
import Secrets
import Testing

@testable import Vault

/// Credentials as portals seal them (`contract.md` 3), sealed here by swift-crypto's own sender from what `keys publish` prints.
struct SealedCredentialsTests {
    let ring = KeyRing.generate(at: .now)
    let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)
    let job = JobID("job-1")!
    let plaintext = #"{"username":"api-1@demo.example","secret":"é:;%\"\\"}"#

    @Test("What a portal sealed for a job opens for that job")
    func opening() throws {
        #expect(try open(seal()) == plaintext)
    }

    @Test("It opens for no other job, tenant or product, and not with another info")
    func context() throws {
        expectRefused { try open(seal(), job: JobID("job-2")!) }
        expectRefused { try open(seal(), lane: Lane(tenant: TenantID("msp-4712")!, product: .workplace)) }
        expectRefused { try open(seal(), lane: Lane(tenant: lane.tenant, product: .fileProtection)) }
        expectRefused { try open(seal(info: "autotask.job.connect/2")) }
    }

    @Test("Nothing that was changed opens")
    func tampering() throws {
        var ciphertext = try seal()
        ciphertext.ciphertext[0] ^= 1
        expectRefused { try open(ciphertext) }
        var key = try seal()
        key.encapsulatedKey[0] ^= 1
        expectRefused { try open(key) }
        for count in [0, 31, 33] {
            var length = try seal()
            length.encapsulatedKey = [UInt8](repeating: 9, count: count)
            expectRefused { try open(length) }
        }
        var empty = try seal()
        empty.ciphertext = []
        expectRefused { try open(empty) }
    }

    @Test("A key that the ring does not hold is named as unknown; another ring's key of that name does not open")
    func keys() throws {
        var sealed = try seal()
        let error = #expect(throws: VaultError.self) {
            sealed.keyID = "another"
            _ = try open(sealed)
        }
        #expect(error?.code == .keyUnknown)
        let id = try #require(ring.recipientKeys.first?.id)
        let namesake = KeyRing(
            wrappingKeys: ring.wrappingKeys,
            jobKeys: ring.jobKeys,
            identityKey: ring.identityKey,
            recipientKeys: [RecipientKey(generating: id, at: .now, notAfter: .now)]
        )
        expectRefused { try open(seal(), by: namesake) }
    }

    @Test("The published document has the contract's members, and no private key")
    func publication() throws {
        let key = try #require(ring.publicKeys(at: .now)["keys"]?.array?.first)
        #expect(key.object?.members.map(\.name) == ["keyId", "kem", "publicKey", "notAfter"])
        #expect(key["kem"] == "X25519")
        #expect(key["publicKey"]?.string.flatMap(Base64URL.decode)?.count == 32)
        #expect(key["notAfter"]?.string.flatMap { Timestamp($0) } == Timestamp.now + .seconds(400 * 86_400))
    }

    private func seal(info: String = "autotask.job.connect/1") throws -> SealedCredentials {
        let key = try #require(ring.publicKeys(at: .now)["keys"]?.array?.first)
        let bytes = try #require(key["publicKey"]?.string.flatMap(Base64URL.decode))
        var sender = try HPKE.Sender(
            recipientKey: Curve25519.KeyAgreement.PublicKey(rawRepresentation: bytes),
            ciphersuite: HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256),
            info: Data(info.utf8)
        )
        let ciphertext = try sender.seal(Data(plaintext.utf8), authenticating: Data("job-1|msp-4711|workplace".utf8))
        return SealedCredentials(
            keyID: try #require(key["keyId"]?.string),
            encapsulatedKey: Array(sender.encapsulatedKey),
            ciphertext: Array(ciphertext)
        )
    }

    private func open(_ sealed: SealedCredentials, job: JobID? = nil, lane: Lane? = nil, by ring: KeyRing? = nil) throws -> String {
        try Vault(ring ?? self.ring).openSealed(sealed, job: job ?? self.job, lane: lane ?? self.lane)
            .withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private func expectRefused(_ operation: () throws -> String, _ location: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: VaultError.self, sourceLocation: location) { _ = try operation() }
        #expect(error?.code == .decryptionFailed, sourceLocation: location)
    }
}
