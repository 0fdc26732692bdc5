import Contract
import SealedVectors
import Secrets
import Testing
import Vault

/// Credentials as portals seal them (`Sealing-credentials`). The vectors hold those of other implementations; the others are sealed here.
struct SealedCredentialsTests {
    let ring = KeyRing.generate(at: .now)
    let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)
    let job = JobID("job-1")!
    let plaintext = #"{"username":"api-1@demo.example","secret":"é:;%\"\\"}"#

    // MARK: Vectors

    @Test("Credentials sealed by others open, to the byte", arguments: SealedVectors.current.opening)
    func opening(_ vector: SealedVectors.Vector) throws {
        guard case .opens(let plaintext) = vector.answer else {
            Issue.record("It is not a vector that opens: \(vector)")
            return
        }
        #expect(try open(vector.credentials, job: vector.job, lane: vector.lane, by: SealedVectors.current.keyRing) == plaintext)
    }

    @Test("Credentials that were moved, changed or sealed in another way do not open", arguments: SealedVectors.current.refused)
    func refusal(_ vector: SealedVectors.Vector) throws {
        guard case .refused(let code) = vector.answer else {
            Issue.record("It is not a vector that stays closed: \(vector)")
            return
        }
        let error = #expect(throws: VaultError.self) {
            _ = try open(vector.credentials, job: vector.job, lane: vector.lane, by: SealedVectors.current.keyRing)
        }
        #expect(error?.code.rawValue == code)
    }

    @Test("All faults have the same error text")
    func oracle() {
        let vault = Vault(SealedVectors.current.keyRing)
        var sentences: [VaultError.Code: Set<String>] = [:]
        for vector in SealedVectors.current.refused {
            do throws(VaultError) { _ = try vault.openSealed(vector.credentials, job: vector.job, lane: vector.lane) } catch {
                sentences[error.code, default: []].insert(error.description)
            }
        }
        #expect(sentences.mapValues(\.count) == [.decryptionFailed: 1, .keyUnknown: 1])
    }

    // MARK: Published keys

    @Test("Credentials sealed to the published keys open only for their job, tenant and product, and never look the same")
    func roundTrip() throws {
        let sealed = try seal()
        #expect(try open(sealed) == plaintext)
        #expect(try seal().ciphertext != sealed.ciphertext)
        expectRefused { try open(sealed, job: JobID("job-2")!) }
        expectRefused { try open(sealed, lane: Lane(tenant: TenantID("msp-4712")!, product: .workplace)) }
        expectRefused { try open(sealed, lane: Lane(tenant: lane.tenant, product: .fileProtection)) }
    }

    @Test("Credentials sealed to a former key open until that key is retired")
    func rotation() throws {
        let sealed = try seal()
        let rotated = ring.rotated([.portals], at: .now)
        #expect(try open(sealed, by: rotated) == plaintext)
        let error = #expect(throws: VaultError.self) { try open(sealed, by: rotated.retiring(sealed.keyID)) }
        #expect(error?.code == .keyUnknown)
    }

    @Test("The first usable key is used, and keys of an unknown kind are skipped")
    func choice() throws {
        let now = Timestamp.now
        func id(_ entries: [JSON]) throws -> String {
            try PublishedKeys(["keys": .array(entries)]).seal(SecretReference(plaintext), job: job, lane: lane, at: now).keyID
        }
        let over = key("over", notAfter: now)
        #expect(try id([over, ["keyId": "new", "kem": "X-Wing"], key("first", notAfter: now + .seconds(1)), key("second")]) == "first")
        let error = #expect(throws: VaultError.self) { try id([over]) }
        #expect(error?.code == .publishedKeysUnusable)
    }

    @Test(
        "An invalid document is refused",
        arguments: [
            [:], ["keys": 1], ["keys": [["kem": "X25519"]]],
            ["keys": [["kem": "X25519", "keyId": "a", "notAfter": "soon", "publicKey": "AAAA"]]],
            ["keys": [["kem": "X25519", "keyId": "a", "notAfter": "2030-01-01T00:00:00Z", "publicKey": "AAAA"]]],
        ] as [JSON]
    )
    func wrongDocument(_ document: JSON) {
        let error = #expect(throws: VaultError.self) { _ = try PublishedKeys(document) }
        #expect(error?.code == .publishedKeysUnusable)
    }

    @Test("Nothing is sealed to a point of low order, which everybody could open")
    func lowOrder() throws {
        for first in [0, 1] as [UInt8] {
            let key = key("low", publicKey: [first] + [UInt8](repeating: 0, count: 31))
            let error = #expect(throws: VaultError.self) { _ = try PublishedKeys(["keys": [key]]) }
            #expect(error?.code == .publishedKeysUnusable)
        }
    }

    @Test("The published document has the contract's members, and no private key")
    func publication() throws {
        let key = try #require(ring.publicKeys(at: .now)["keys"]?.array?.first)
        #expect(key.object?.members.map(\.name) == ["keyId", "kem", "publicKey", "notAfter"])
        #expect(key["kem"] == "X25519")
        #expect(key["publicKey"]?.string.flatMap(Base64URL.decode)?.count == 32)
        #expect(key["notAfter"]?.string.flatMap { Timestamp($0) } == Timestamp.now + .seconds(400 * 86_400))
    }

    // MARK: -

    private func key(_ id: String, notAfter: Timestamp = .now + .seconds(60), publicKey: [UInt8]? = nil) -> JSON {
        let published = ring.publicKeys(at: .now)["keys"]?.array?.first?["publicKey"]
        return [
            "keyId": .string(id), "kem": "X25519", "notAfter": .string(notAfter.description),
            "publicKey": publicKey.map { .string(Base64URL.encode($0)) } ?? published ?? .null,
        ]
    }

    private func seal() throws -> SealedCredentials {
        try PublishedKeys(ring.publicKeys(at: .now)).seal(SecretReference(plaintext), job: job, lane: lane, at: .now)
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
