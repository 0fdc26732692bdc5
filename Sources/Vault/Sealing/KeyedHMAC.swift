import COpenSSL
import Crypto

/// HMAC-SHA-256 that is keyed in advance, which is the more expensive half.
///
/// swift-crypto's own is generic over its input, which costs more than the digest of some hundred bytes.
struct KeyedHMAC: Sendable {
    private let keyed: COpenSSL_hmac

    init(key: SymmetricKey) { keyed = key.withUnsafeBytes { COpenSSL_hmac_keyed($0.baseAddress, $0.count) } }

    init(key: [UInt8]) { keyed = COpenSSL_hmac_keyed(key, key.count) }

    /// - Returns: 32 bytes.
    func code(for bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { bytes in code { $0(bytes) } }
    }

    /// - Parameter write: calls its argument for each part of the input.
    func code(of write: (_ update: (UnsafeRawBufferPointer) -> Void) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(COpenSSL_code_size)) { output, count in
            var function = keyed
            write { COpenSSL_hmac_update(&function, $0.baseAddress, $0.count) }
            COpenSSL_hmac_finish(&function, output.baseAddress)
            count = output.count
        }
    }

    /// Lends the code of some bytes as a key, and wipes it afterwards.
    func withKey<Result>(for bytes: [UInt8], _ body: (UnsafePointer<UInt8>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(COpenSSL_code_size)) { key in
            var function = keyed
            COpenSSL_hmac_update(&function, bytes, bytes.count)
            COpenSSL_hmac_finish(&function, key.baseAddress)
            defer { OPENSSL_cleanse(key.baseAddress, key.count) }
            return body(UnsafePointer(key.baseAddress!))
        }
    }
}
