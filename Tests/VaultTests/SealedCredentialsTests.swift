import Contract
import Crypto
import Foundation
import Testing
import Vault

/// Credentials as portals seal them (`contract.md` 3), sealed here by swift-crypto's own sender from what `keys publish` prints.
struct SealedCredentialsTests {
    let ring = KeyRing.generate(at: .now)
    let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)
    let job = JobID("job-1")!
    let plaintext = #"{"username":"api-1@demo.example","secret":"é:;%\"\\"}"#

    @Test("What a portal sealed for a job opens for that job")
    func opening() throws {
        #expect(try Vault(ring).openSealed(seal(), job: job, lane: lane) == Array(plaintext.utf8))
    }

    @Test("It opens for no other job, tenant or product, and not with another info")
    func context() throws {
        let vault = Vault(ring)
        expectRefused { try vault.openSealed(seal(), job: JobID("job-2")!, lane: lane) }
        expectRefused { try vault.openSealed(seal(), job: job, lane: Lane(tenant: TenantID("msp-4712")!, product: .workplace)) }
        expectRefused { try vault.openSealed(seal(), job: job, lane: Lane(tenant: lane.tenant, product: .fileProtection)) }
        expectRefused { try vault.openSealed(seal(info: "autotask.job.connect/2"), job: job, lane: lane) }
    }

    @Test("Nothing that was changed opens")
    func tampering() throws {
        let vault = Vault(ring)
        var ciphertext = try seal()
        ciphertext.ciphertext[0] ^= 1
        expectRefused { try vault.openSealed(ciphertext, job: job, lane: lane) }
        var key = try seal()
        key.encapsulatedKey[0] ^= 1
        expectRefused { try vault.openSealed(key, job: job, lane: lane) }
        for count in [0, 31, 33] {
            var length = try seal()
            length.encapsulatedKey = [UInt8](repeating: 9, count: count)
            expectRefused { try vault.openSealed(length, job: job, lane: lane) }
        }
        var empty = try seal()
        empty.ciphertext = []
        expectRefused { try vault.openSealed(empty, job: job, lane: lane) }
    }

    @Test("A key that the ring does not hold is named as unknown; another ring's key of that name does not open")
    func keys() throws {
        var sealed = try seal()
        let error = #expect(throws: VaultError.self) {
            sealed.keyID = "another"
            _ = try Vault(ring).openSealed(sealed, job: job, lane: lane)
        }
        #expect(error?.code == .keyUnknown)
        expectRefused { try Vault(KeyRing.generate(at: .now)).openSealed(seal(), job: job, lane: lane) }
    }

    @Test("The published document has the contract's members, and no private key")
    func publication() throws {
        let key = try #require(ring.publicKeys["keys"]?.array?.first)
        #expect(key.object?.members.map(\.name) == ["keyId", "kem", "publicKey", "notAfter"])
        #expect(key["kem"] == "X25519")
        #expect(key["publicKey"]?.string.flatMap(Base64URL.decode)?.count == 32)
        #expect(key["notAfter"]?.string.flatMap { Timestamp($0) } == Timestamp.now + .seconds(400 * 86_400))
    }

    private func seal(info: String = "autotask.job.connect/1") throws -> SealedCredentials {
        let key = try #require(ring.publicKeys["keys"]?.array?.first)
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

    private func expectRefused(_ operation: () throws -> [UInt8], _ location: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: VaultError.self, sourceLocation: location) { _ = try operation() }
        #expect(error?.code == .decryptionFailed, sourceLocation: location)
    }
}
