import Contract

@testable import Vault

extension FuzzTarget {
    func checkKeyRing(_ input: inout FuzzInput) throws(PropertyViolation) {
        let bytes = Canary.plant(in: input.remainder())
        let ring: KeyRing
        do { ring = try KeyRing(parsing: bytes) } catch {
            try hold(error.code == .keyRingUnusable, "a key ring that does not parse is unusable")
            try hold(error.message.utf8.count <= 300, "an error has a readable length")
            for canary in Canary.all { try hold(canary.spelling(in: error.description.utf8) == nil, "an error reveals no key") }
            return
        }
        let encoded = ring.encoded
        let again = try hold(try? KeyRing(parsing: encoded), "a key ring is read back from its text")
        try hold(again.encoded == encoded, "a key ring's text is stable")
        try ring.publicKeys(at: Timestamp(millisecondsSinceEpoch: 0)).holdProperties()
        // Any accepted ring works.
        try holdSealing(with: Vault(ring))
    }
}
