package import Contract
import Foundation
package import Vault

/// `schemas/vectors/sealed-credentials.json`: credentials sealed by other implementations, their plaintexts, and blobs that do not open.
package struct SealedVectors: Sendable {
    package struct Vector: CustomStringConvertible, Sendable {
        package let description: String
        package let job: JobID
        package let lane: Lane
        package let credentials: SealedCredentials
        package let answer: Answer
    }

    package enum Answer: Sendable {
        case opens(plaintext: String)
        case refused(code: String)
    }

    /// The file in this source tree.
    package static let current: SealedVectors = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        do {
            return try SealedVectors(parsing: Data(contentsOf: root.appending(path: "schemas/vectors/sealed-credentials.json")))
        } catch {
            fatalError("schemas/vectors/sealed-credentials.json cannot be used: \(error)")
        }
    }()

    /// A ring with the recipient keys of the file, and random other keys.
    package let keyRing: KeyRing
    package let opening: [Vector]
    package let refused: [Vector]

    private init(parsing data: Data) throws {
        let document = try JSON(parsing: Array(data))
        guard let keys = document["recipientKeys"], let opening = document["opens"]?.array, let refused = document["refused"]?.array else {
            throw Unreadable(member: "recipientKeys, opens or refused")
        }
        keyRing = try SealedVectors.ring(with: keys)
        self.opening = try opening.map { entry in
            try Vector(entry, named: entry.text("name"), .opens(plaintext: entry.text("plaintext")))
        }
        self.refused = try refused.map { entry in
            try Vector(entry, named: "\(entry.text("of")); \(entry.text("change"))", .refused(code: entry.text("code")))
        }
    }

    /// Loads the ring from a file, as a worker does.
    private static func ring(with recipientKeys: JSON) throws -> KeyRing {
        let directory = FileManager.default.temporaryDirectory.appending(path: "sealed-vectors-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let (made, changed) = (directory.appending(path: "made.json"), directory.appending(path: "changed.json"))
        try KeyRingFile(path: made.path).create(KeyRing.generate(at: Timestamp(millisecondsSinceEpoch: 0)))
        guard var ring = try JSON(parsing: Array(Data(contentsOf: made))).object else { throw Unreadable(member: "ring") }
        ring["recipientKeys"] = recipientKeys
        let isWritten = FileManager.default.createFile(
            atPath: changed.path,
            contents: Data(JSON.object(ring).encoded),
            attributes: [.posixPermissions: 0o600]
        )
        guard isWritten else { throw Unreadable(member: "ring") }
        return try KeyRingFile(path: changed.path).load()
    }
}

extension SealedVectors.Vector {
    fileprivate init(_ entry: JSON, named name: String, _ answer: SealedVectors.Answer) throws {
        guard let job = JobID(try entry.text("jobId")), let tenant = TenantID(try entry.text("tenant")),
            let product = Product(rawValue: try entry.text("product")), let credentials = entry["credentials"],
            let encapsulatedKey = Base64URL.decode(try credentials.text("enc")),
            let ciphertext = Base64URL.decode(try credentials.text("ciphertext"))
        else { throw Unreadable(member: name) }
        description = name
        self.job = job
        lane = Lane(tenant: tenant, product: product)
        self.credentials = SealedCredentials(
            keyID: try credentials.text("keyId"),
            encapsulatedKey: encapsulatedKey,
            ciphertext: ciphertext
        )
        self.answer = answer
    }
}

extension JSON {
    fileprivate func text(_ member: String) throws -> String {
        guard let text = self[member]?.string else { throw Unreadable(member: member) }
        return text
    }
}

private struct Unreadable: Error {
    let member: String
}
