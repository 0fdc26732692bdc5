import Contract
import Crypto
import Secrets
import Testing

@testable import Vault

/// What the vault computes with OpenSSL is what swift-crypto computes.
struct KeyedHMACTests {
    @Test(arguments: [0, 1, 31, 32, 63, 64, 65, 200])
    func `codes are those of swift-crypto`(keySize: Int) {
        let key = SymmetricKey(data: (0..<keySize).map { UInt8($0) })
        let function = KeyedHMAC(key: key)
        for size in [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 100_000] {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 * 7) }
            #expect(function.code(for: bytes) == Array(HMAC<SHA256>.authenticationCode(for: bytes, using: key)))
            let parts = function.code { update in
                bytes.prefix(size / 3).withUnsafeBytes(update)
                bytes.dropFirst(size / 3).withUnsafeBytes(update)
            }
            #expect(parts == function.code(for: bytes))
            #expect(function.withKey(for: bytes) { Array(UnsafeBufferPointer(start: $0, count: 32)) } == parts)
        }
    }

    @Test(arguments: [0, 1, 15, 16, 17, 4096, 70_000])
    func `sealed data is opened by swift-crypto, and the other way round`(size: Int) throws {
        let key = SealingKey(id: "k1", key: SymmetricKey(data: [UInt8](1...32)))
        let context = SealingContext(.credentials, Lane(tenant: TenantID("msp-1")!, product: .workplace))
        let derived = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: context.encoded, using: key.key))
        let plain = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let sealed = key.seal(plain, for: context)
        let box = try AES.GCM.SealedBox(combined: sealed[4...])
        #expect(try Array(AES.GCM.open(box, using: derived, authenticating: context.encoded)) == plain)
        let other = try AES.GCM.seal(plain, using: derived, authenticating: context.encoded)
        let form = Array(sealed[..<4]) + Array(try #require(other.combined))
        #expect(try key.open(form, for: context).withUnsafeBytes { Array($0) } == plain)
        var changed = form
        changed[form.count - 1] ^= 1
        #expect(throws: VaultError.self) { _ = try key.open(changed, for: context) }
        #expect(throws: VaultError.self) { _ = try key.open(Array(form.prefix(4 + 12 + 15)), for: context) }
    }
}
