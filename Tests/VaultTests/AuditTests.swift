import Contract
import Crypto
import Secrets
import Testing

@testable import Vault

/// The vault's support of the audit log.
struct AuditTests {
    private let vault = Vault(KeyRing.generate(at: .now))
    private let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)
    private let other = Lane(tenant: TenantID("msp-4712")!, product: .workplace)
    private let job = JobID("job-1")!

    @Test("A lane keeps its key over connects, wrapped again, so that data sealed under it stays readable")
    func kept() throws {
        let first = vault.sealCredentials(.sample(), lane: lane)
        let details = try vault.auditSeal(of: lane, wrappedKey: first.wrappedKey).seal([7], of: job)
        let second = vault.sealCredentials(.sample("other"), lane: lane, under: first.wrappedKey)
        #expect(second.wrappedKey != first.wrappedKey)
        #expect(try vault.auditSeal(of: lane, wrappedKey: second.wrappedKey).open(details, of: job) == [7])
        #expect(try vault.opened(second, lane: lane) == #"{"username":"api","secret":"other"}"#)
    }

    @Test("After a reset, or if the key does not open, a lane gets a new key")
    func renewed() throws {
        let first = vault.sealCredentials(.sample(), lane: lane)
        let details = try vault.auditSeal(of: lane, wrappedKey: first.wrappedKey).seal([7], of: job)
        for wrapped in [nil, [], vault.sealCredentials(.sample(), lane: other).wrappedKey] as [[UInt8]?] {
            let second = vault.sealCredentials(.sample("other"), lane: lane, under: wrapped)
            let seal = try vault.auditSeal(of: lane, wrappedKey: second.wrappedKey)
            #expect(throws: VaultError.self) { try seal.open(details, of: job) }
        }
    }

    @Test("Details open for their lane and job, and for nothing else, and are not credentials")
    func bound() throws {
        let credentials = vault.sealCredentials(.sample(), lane: lane)
        let seal = try vault.auditSeal(of: lane, wrappedKey: credentials.wrappedKey)
        let details = seal.seal([7], of: job)
        #expect(throws: VaultError.self) { try seal.open(details, of: JobID("job-2")!) }
        #expect(throws: VaultError.self) { try vault.auditSeal(of: other, wrappedKey: credentials.wrappedKey) }
        #expect(throws: VaultError.self) {
            try vault.opened(SealedLaneCredentials(wrappedKey: credentials.wrappedKey, sealed: details), lane: lane)
        }
        #expect(throws: VaultError.self) { try seal.open(credentials.sealed, of: job) }
    }

    @Test("Codes do not change between versions of the program, and depend on the ring")
    func codes() {
        let ring = KeyRing.generate(at: .now)
        let key = SymmetricKey(data: [UInt8](0..<32))
        let vault = Vault(
            KeyRing(wrappingKeys: ring.wrappingKeys, jobKeys: ring.jobKeys, identityKey: key, recipientKeys: ring.recipientKeys)
        )
        // Computed separately, with Python's hmac: HMAC(HMAC(identity key, purpose), input).
        #expect(vault.auditCode(of: Array("row".utf8)).hexadecimal == "a54d348fae272cc239eafa09f0221fb9d283217b00cb0e4618c1aa07ed3454a2")
        #expect(vault.auditCode(of: [1]) != self.vault.auditCode(of: [1]))
    }
}

extension Credentials {
    fileprivate static func sample(_ secret: String = "secret") -> Credentials {
        Credentials(username: "api", secret: SecretReference(secret), integrationCode: nil)
    }
}
