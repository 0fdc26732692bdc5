import Contract
import Crypto
import Foundation
import Secrets
import Testing

@testable import Vault

struct VaultTests {
    let vault = Vault(KeyRing.generate(at: .now))
    let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)
    let otherTenant = Lane(tenant: TenantID("msp-4712")!, product: .workplace)
    let otherProduct = Lane(tenant: TenantID("msp-4711")!, product: .fileProtection)
    let job = JobID("job-1")!
    let plaintext = Array(#"{"planId":"plan-1"}"#.utf8)
    let credentials = Credentials(username: "api", secret: SecretReference("secret"), integrationCode: SecretReference("code"))

    // MARK: Payloads

    @Test("The end of the key that portals use is the active one's")
    func portalKeyEnd() {
        let now = Timestamp("2026-11-30T12:00:00Z")!
        let ring = KeyRing.generate(at: now)
        let later = ring.rotated([.portals], at: now + .seconds(86_400))
        #expect(Vault(ring).portalKeyEnd == ring.activeKey(for: .portals)?.notAfter && Vault(ring).portalKeyEnd != nil)
        #expect(Vault(later).portalKeyEnd == Vault(ring).portalKeyEnd.map { $0 + .seconds(86_400) })
    }

    @Test("A payload opens for its job, and for nothing else")
    func payload() throws {
        let sealed = vault.sealPayload(plaintext[...], job: job, lane: lane)
        #expect(try vault.openPayload(sealed, job: job, lane: lane) == plaintext)
        expectRefused { try vault.openPayload(sealed, job: JobID("job-2")!, lane: lane) }
        expectRefused { try vault.openPayload(sealed, job: job, lane: otherTenant) }
        expectRefused { try vault.openPayload(sealed, job: job, lane: otherProduct) }
    }

    @Test("Parts of a context do not merge")
    func contextBoundaries() throws {
        let sealed = vault.sealPayload(plaintext[...], job: JobID("1")!, lane: Lane(tenant: TenantID("a1")!, product: .workplace))
        expectRefused { try vault.openPayload(sealed, job: JobID("11")!, lane: Lane(tenant: TenantID("a")!, product: .workplace)) }
    }

    @Test("No changed byte opens")
    func tampering() throws {
        let sealed = vault.sealPayload([1, 2, 3], job: job, lane: lane)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: VaultError.self) { try vault.openPayload(changed, job: job, lane: lane) }
        }
        for count in 0..<sealed.count {
            #expect(throws: VaultError.self) { try vault.openPayload(Array(sealed.prefix(count)), job: job, lane: lane) }
        }
    }

    @Test("The same payload never looks the same, and its text does not show")
    func unlinkability() {
        let sealed = vault.sealPayload(plaintext[...], job: job, lane: lane)
        #expect(sealed != vault.sealPayload(plaintext[...], job: job, lane: lane))
        #expect(!String(decoding: sealed, as: UTF8.self).contains("plan-1"))
    }

    @Test("An empty payload and a large one survive", arguments: [0, 1, 1 << 20])
    func sizes(_ size: Int) throws {
        let payload = [UInt8](repeating: 7, count: size)
        #expect(try vault.openPayload(vault.sealPayload(payload[...], job: job, lane: lane), job: job, lane: lane) == payload)
    }

    @Test("A former job key still opens, and a missing one is reported as unknown")
    func rotation() throws {
        let old = RotatingKeys(generating: "job-old")
        let sealed = Vault(ring(jobKeys: old)).sealPayload(plaintext[...], job: job, lane: lane)
        let rotated = old.rotated(to: "job-new", at: .now)
        #expect(try Vault(ring(jobKeys: rotated)).openPayload(sealed, job: job, lane: lane) == plaintext)
        #expect(SealedForm.keyID(of: Vault(ring(jobKeys: rotated)).sealPayload(plaintext[...], job: job, lane: lane)) == "job-new")
        let error = #expect(throws: VaultError.self) { try vault.openPayload(sealed, job: job, lane: lane) }
        #expect(error?.code == .keyUnknown)
    }

    private func ring(jobKeys: RotatingKeys) -> KeyRing {
        let ring = KeyRing.generate(at: .now)
        return KeyRing(wrappingKeys: ring.wrappingKeys, jobKeys: jobKeys, identityKey: ring.identityKey, recipientKeys: ring.recipientKeys)
    }

    // MARK: Credentials at rest

    @Test("Credentials open for their lane with their key, and for nothing else")
    func credentialsAtRest() throws {
        let sealed = vault.sealCredentials(credentials, lane: lane)
        #expect(try vault.opened(sealed, lane: lane) == #"{"username":"api","secret":"secret","integrationCode":"code"}"#)
        for lane in [otherTenant, otherProduct] {
            expectRefused { try vault.opened(sealed, lane: lane) }
        }
        let others = vault.sealCredentials(credentials, lane: lane)
        expectRefused {
            try vault.opened(SealedLaneCredentials(wrappedKey: others.wrappedKey, sealed: sealed.sealed), lane: lane)
        }
    }

    @Test("Each lane's credentials have their own key, even if the same lane is sealed twice")
    func dataKeys() {
        let first = vault.sealCredentials(credentials, lane: lane)
        let second = vault.sealCredentials(credentials, lane: lane)
        #expect(first.wrappedKey != second.wrappedKey && first.sealed != second.sealed)
    }

    @Test("A wrapped key is not a payload, and a payload not a wrapped key")
    func purposes() {
        let sealed = vault.sealCredentials(credentials, lane: lane)
        #expect(throws: VaultError.self) { try vault.openPayload(sealed.wrappedKey, job: job, lane: lane) }
        let payload = vault.sealPayload([UInt8](repeating: 0, count: 32)[...], job: job, lane: lane)
        #expect(throws: VaultError.self) {
            try vault.opened(SealedLaneCredentials(wrappedKey: payload, sealed: sealed.sealed), lane: lane)
        }
    }

    @Test("Another key ring opens nothing")
    func otherRing() {
        let sealed = vault.sealCredentials(credentials, lane: lane)
        let error = #expect(throws: VaultError.self) { try Vault(KeyRing.generate(at: .now)).opened(sealed, lane: lane) }
        #expect(error?.code == .keyUnknown)
        // A key with the same name in another ring does not open it either.
        let ring = KeyRing.generate(at: .now)
        let namesake = KeyRing(
            wrappingKeys: RotatingKeys(generating: SealedForm.keyID(of: sealed.wrappedKey) ?? ""),
            jobKeys: ring.jobKeys,
            identityKey: ring.identityKey,
            recipientKeys: ring.recipientKeys
        )
        expectRefused { try Vault(namesake).opened(sealed, lane: lane) }
    }

    @Test("The vault knows without the credentials whether a ring opens a lane's key")
    func key() {
        let wrapped = vault.sealCredentials(credentials, lane: lane).wrappedKey
        #expect(vault.opensCredentialsKey(wrapped, lane: lane))
        #expect(!vault.opensCredentialsKey(wrapped, lane: otherTenant))
        #expect(!vault.opensCredentialsKey([], lane: lane))
        #expect(!Vault(KeyRing.generate(at: .now)).opensCredentialsKey(wrapped, lane: lane))
    }

    // MARK: Rotation

    @Test("A lane's key is wrapped by the active key instead of a former one, and what it opens does not change")
    func rewrapping() throws {
        let old = KeyRing.generate(at: .now)
        let sealed = Vault(old).sealCredentials(credentials, lane: lane)
        #expect(try Vault(old).rewrap(sealed.wrappedKey, lane: lane) == nil)
        let new = old.rotated([.credentials], at: .now)
        let wrapped = try #require(try Vault(new).rewrap(sealed.wrappedKey, lane: lane))
        #expect(SealedForm.keyID(of: wrapped) == new.activeKey(for: .credentials)?.id)
        let rewrapped = SealedLaneCredentials(wrappedKey: wrapped, sealed: sealed.sealed)
        let retired = new.retiring(try #require(old.activeKey(for: .credentials)?.id))
        #expect(try Vault(retired).opened(rewrapped, lane: lane) == Vault(old).opened(sealed, lane: lane))
        // An earlier copy of the store can no longer be opened.
        let error = #expect(throws: VaultError.self) { try Vault(retired).opened(sealed, lane: lane) }
        #expect(error?.code == .keyUnknown)
        expectRefused { try Vault(new).rewrap(sealed.wrappedKey, lane: otherTenant) }
    }

    @Test("A vault accepts another state of its ring, and no other ring")
    func adopting() throws {
        let ring = KeyRing.generate(at: .now)
        let vault = Vault(ring)
        let rotated = ring.rotated(Set(KeyRing.Use.allCases), at: .now)
        let sealed = Vault(rotated).sealPayload(plaintext[...], job: job, lane: lane)
        #expect(!vault.holdsKeys(of: [sealed]))
        try vault.adopt(rotated)
        #expect(vault.holdsKeys(of: [sealed]))
        #expect(try vault.openPayload(sealed, job: job, lane: lane) == plaintext)
        let error = #expect(throws: VaultError.self) { try vault.adopt(KeyRing.generate(at: .now)) }
        #expect(error?.code == .keyRingUnusable)
        #expect(try vault.openPayload(sealed, job: job, lane: lane) == plaintext)
    }

    @Test("A vault looks for keys at the source of its ring")
    func refreshing() async throws {
        let ring = KeyRing.generate(at: .now)
        let rotated = ring.rotated([.jobs], at: .now)
        let sealed = Vault(rotated).sealPayload(plaintext[...], job: job, lane: lane)
        let vault = Vault(ring, source: FixedSource(ring: rotated))
        #expect(!vault.holdsKeys(of: [sealed]))
        try await vault.refresh()
        #expect(try vault.openPayload(sealed, job: job, lane: lane) == plaintext)
    }

    private struct FixedSource: KeyRingSource {
        let ring: KeyRing
        let description = "a constant"

        func load() throws(VaultError) -> KeyRing { ring }
    }

    // MARK: Digests

    @Test("A fingerprint's digest is the same in every process with the ring, and depends on ring and fingerprint")
    func digest() {
        let ring = KeyRing.generate(at: .now)
        #expect(Vault(ring).digest(of: [1, 2]) == Vault(ring).digest(of: [1, 2]))
        #expect(Vault(ring).digest(of: [1, 2]).count == 32)
        #expect(Vault(ring).digest(of: [1, 2]) != Vault(ring).digest(of: [1, 3]))
        #expect(Vault(ring).digest(of: [1, 2]) != vault.digest(of: [1, 2]))
    }

    @Test("Credentials are recognised by all of their parts")
    func credentialsDigest() {
        func digest(_ username: String, _ secret: String, _ code: String? = nil) -> [UInt8] {
            vault.credentialsDigest(
                of: Credentials(username: username, secret: SecretReference(secret), integrationCode: code.map { SecretReference($0) })
            )
        }
        #expect(digest("api", "secret", "code") == digest("api", "secret", "code"))
        let all = [
            digest("api", "secret"), digest("api", "secret", ""), digest("api", "secret", "code"), digest("apis", "ecret"),
            digest("api", "secre", "t"), digest("API", "secret"),
        ]
        #expect(Set(all).count == all.count)
    }

    @Test("An ownership marker is 32 lower-case hexadecimal characters, and the same only for the same service")
    func marker() {
        func marker(_ lane: Lane, _ plan: String, _ key: String) -> String {
            vault.ownershipMarkers(of: lane).marker(planID: plan, serviceKey: key).value
        }
        let mark = marker(lane, "plan-1", "license")
        #expect(mark == marker(lane, "plan-1", "license"))
        #expect(mark.utf8.count == 32 && mark.allSatisfy { "0123456789abcdef".contains($0) })
        let all = [
            mark, marker(otherTenant, "plan-1", "license"), marker(otherProduct, "plan-1", "license"), marker(lane, "plan-2", "license"),
            marker(lane, "plan-1", "storage"), marker(lane, "plan-1l", "icense"),
        ]
        #expect(Set(all).count == all.count)
        let own = vault.ownershipMarkers(of: lane)
        #expect(all.map(own.contains) == [true, false, false, true, true, true])
        #expect(!own.contains(own.marker(planID: "plan-1", serviceKey: "license").former) && !own.contains(String(mark.suffix(16))))
    }

    @Test("Digests and markers do not change between versions of the program")
    func vectors() throws {
        let key = SymmetricKey(data: [UInt8](0..<32))
        let ring = KeyRing.generate(at: .now)
        let vault = Vault(
            KeyRing(wrappingKeys: ring.wrappingKeys, jobKeys: ring.jobKeys, identityKey: key, recipientKeys: ring.recipientKeys)
        )
        // Computed separately, with Python's hmac: HMAC(HMAC(identity key, purpose), input).
        #expect(
            vault.digest(of: Array("fingerprint".utf8)).hexadecimal == "1e0a3f385c74f399ce901fe557b852c3006b256281de72f57f3215dc6523d41a"
        )
        let marker = vault.ownershipMarkers(of: lane).marker(planID: "plan-1", serviceKey: "license-monthly")
        #expect(marker.former == "4fe83b3d0a85d2c23d17d2192be69591" && marker.value == "4fe83b3d0a85d2c2920e798b80b9291c")
        #expect(vault.credentialsDigest(of: credentials).hexadecimal == "5eb5dc31625c8ef61b89b47877b74b4325fd41b7ee997bf41e410934dd9aa535")
        #expect(Vault.sha256(Array("abc".utf8)).hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    private func expectRefused(_ operation: () throws -> some Any, _ location: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: VaultError.self, sourceLocation: location) { _ = try operation() }
        #expect(error?.code == .decryptionFailed, sourceLocation: location)
        #expect(error?.message == VaultError.decryptionFailed().message, sourceLocation: location)
    }
}

extension Timestamp {
    static let now = Timestamp("2026-11-22T08:00:00Z")!
}

extension [UInt8] {
    var hexadecimal: String { map { String(format: "%02x", $0) }.joined() }
}

extension Vault {
    /// The plaintext of credentials at rest.
    func opened(_ sealed: SealedLaneCredentials, lane: Lane) throws -> String {
        try openCredentials(sealed.sealed, wrappedKey: sealed.wrappedKey, lane: lane).withUnsafeBytes {
            String(decoding: $0, as: UTF8.self)
        }
    }
}

extension SecretReference {
    convenience init(_ text: String) { self.init(copying: Array(text.utf8).span) }
}
