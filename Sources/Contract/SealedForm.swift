/// The header of everything that the worker seals for the store: a version byte, the length of the key's name, the name.
///
/// It shows without a key under which key something is sealed.
package enum SealedForm {
    private static let version: UInt8 = 1
    /// The maximum length of a key's name, in bytes.
    package static let maximumKeyID = 255

    /// - Parameter capacity: the number of bytes that will follow.
    package static func front(keyID: String, capacity: Int) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(2 + keyID.utf8.count + capacity)
        output.append(version)
        output.append(UInt8(keyID.utf8.count))
        output.append(contentsOf: keyID.utf8)
        return output
    }

    /// The name of the key under which the bytes were sealed; `nil` if they are not sealed.
    package static func keyID(of sealed: [UInt8]) -> String? {
        guard sealed.count >= 2, sealed[0] == version, sealed.count >= 2 + Int(sealed[1]) else { return nil }
        return String(decoding: sealed[2..<2 + Int(sealed[1])], as: UTF8.self)
    }
}
