/// The front of everything that the worker seals for the store: a version byte, the length of the key's name, the name.
///
/// Under which key something is sealed can so be told by whoever keeps it, without a key.
package enum SealedForm {
    private static let version: UInt8 = 1
    /// How long the name of a key may be, in bytes.
    package static let maximumKeyID = 255

    /// - Parameter capacity: how many bytes will follow.
    package static func front(keyID: String, capacity: Int) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(2 + keyID.utf8.count + capacity)
        output.append(version)
        output.append(UInt8(keyID.utf8.count))
        output.append(contentsOf: keyID.utf8)
        return output
    }

    /// The name of the key under which something was sealed; `nil` if it is nothing sealed.
    package static func keyID(of sealed: [UInt8]) -> String? {
        guard sealed.count >= 2, sealed[0] == version, sealed.count >= 2 + Int(sealed[1]) else { return nil }
        return String(decoding: sealed[2..<2 + Int(sealed[1])], as: UTF8.self)
    }
}
