import Contract
import Foundation
import Testing
import Vault

struct KeyRingFileTests {
    private let directory = TemporaryDirectory()
    private var path: String { directory.path("keys.json") }

    @Test("A ring that was written is the same when it is read")
    func roundTrip() throws {
        let ring = KeyRing.generate(at: .now)
        try ring.write(to: path)
        let read = try KeyRing(path: path)
        let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)
        let sealed = Vault(ring).sealCredentials([1, 2, 3], lane: lane)
        #expect(try Vault(read).openCredentials(sealed.sealed, wrappedKey: sealed.wrappedKey, lane: lane) == [1, 2, 3])
        let payload = Vault(ring).sealPayload([4], job: JobID("a")!, lane: lane)
        #expect(try Vault(read).openPayload(payload, job: JobID("a")!, lane: lane) == [4])
        #expect(Vault(read).digest(of: [5]) == Vault(ring).digest(of: [5]))
        #expect(read.publicKeys == ring.publicKeys)
    }

    @Test("The file belongs to its owner alone, in a directory that is made for it")
    func mode() throws {
        let path = directory.path("state/keys/keys.json")
        try KeyRing.generate(at: .now).write(to: path)
        #expect(try mode(of: path) == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path("state/keys")) == ["keys.json"])
    }

    @Test("A file that is there is never overwritten")
    func existing() throws {
        try Data("precious".utf8).write(to: URL(filePath: path))
        expectRefused("There is one already") { try KeyRing.generate(at: .now).write(to: path) }
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("precious".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path) == ["keys.json"])
    }

    @Test("The ids of keys have a length that the sealed form has room for", arguments: [0, 256])
    func idLength(count: Int) throws {
        try KeyRing.generate(at: .now).write(to: path)
        var ring = try #require(JSON(parsing: Array(try Data(contentsOf: URL(filePath: path)))).object)
        var recipient = try #require(ring["recipientKeys"]?.array?.first?.object)
        recipient["keyId"] = .string(String(repeating: "k", count: count))
        ring["recipientKeys"] = [.object(recipient)]
        let other = directory.path("other.json")
        try Data(JSON.object(ring).encoded).write(to: URL(filePath: other))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: other)
        expectRefused("recipientKeys is missing or wrong") { _ = try KeyRing(path: other) }
    }

    @Test("A ring that others may read is refused, and the error says what to do", arguments: [0o640, 0o604, 0o620, 0o601])
    func permissions(_ mode: Int) throws {
        try KeyRing.generate(at: .now).write(to: path)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        expectRefused("chmod 600") { _ = try KeyRing(path: path) }
    }

    @Test("A missing file is refused, and the error says how to make one")
    func missing() { expectRefused("keys generate") { _ = try KeyRing(path: path) } }

    @Test("A directory is no key ring")
    func directoryAsFile() { expectRefused("not a regular file") { _ = try KeyRing(path: directory.url.path) } }

    @Test(
        "What is no key ring is refused by the name of what is wrong, never its value",
        arguments: [
            ("", "not JSON"), ("{}", "version"), (#"{"version":2}"#, "version"), (#"{"version":1}"#, "wrappingKeys"),
            (#"{"version":1,"wrappingKeys":{"active":"b","keys":[{"keyId":"a","key":"TOPSECRET"}]}}"#, "wrappingKeys"),
        ]
    )
    func malformed(_ text: String, _ complaint: String) throws {
        try write(text)
        expectRefused(complaint) { _ = try KeyRing(path: path) }
    }

    @Test(
        "A ring without one of its parts is refused",
        arguments: ["wrappingKeys", "jobKeys", "identityKey", "recipientKeys"]
    )
    func incomplete(_ member: String) throws {
        try KeyRing.generate(at: .now).write(to: path)
        var object = try #require(try JSON(parsing: Array(try Data(contentsOf: URL(filePath: path)))).object)
        object[member] = nil
        try write(String(decoding: JSON.object(object).encoded, as: UTF8.self))
        expectRefused(member) { _ = try KeyRing(path: path) }
    }

    private func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    private func mode(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    private func expectRefused(_ complaint: String, _ operation: () throws -> Void, _ location: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: VaultError.self, sourceLocation: location) { try operation() }
        #expect(error?.code == .keyRingUnusable, sourceLocation: location)
        #expect(error?.message.contains(complaint) == true, "\(error.map(String.init(describing:)) ?? "")", sourceLocation: location)
        #expect(error?.message.contains("TOPSECRET") == false, sourceLocation: location)
    }
}

/// A directory that goes away with the test.
private final class TemporaryDirectory: Sendable {
    let url = FileManager.default.temporaryDirectory.appending(path: "vault-\(UUID().uuidString)")

    init() {
        // A test that finds no directory fails at its first file.
        try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }
}
