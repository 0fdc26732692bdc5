import Contract
import Foundation
import Glibc
import Secrets
import Testing

@testable import Vault

struct KeyRingFileTests {
    private let directory = TemporaryDirectory()
    private var path: String { directory.path("keys.json") }

    @Test("A written ring is read back unchanged")
    func roundTrip() throws {
        let ring = KeyRing.generate(at: .now)
        try KeyRingFile(path: path).create(ring)
        let read = try KeyRingFile(path: path).load()
        let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)
        let credentials = Credentials(username: "api", secret: SecretReference("secret"), integrationCode: nil)
        let sealed = Vault(ring).sealCredentials(credentials, lane: lane)
        #expect(try Vault(read).opened(sealed, lane: lane) == #"{"username":"api","secret":"secret"}"#)
        let payload = Vault(ring).sealPayload([4], job: JobID("a")!, lane: lane)
        #expect(try Vault(read).openPayload(payload, job: JobID("a")!, lane: lane) == [4])
        #expect(Vault(read).digest(of: [5]) == Vault(ring).digest(of: [5]))
        #expect(read.entries == ring.entries)
        #expect(read.publicKeys(at: .now) == ring.publicKeys(at: .now))
    }

    @Test("Only its owner can read the file, which is created in a new directory")
    func mode() throws {
        let path = directory.path("state/keys/keys.json")
        try KeyRingFile(path: path).create(KeyRing.generate(at: .now))
        #expect(try mode(of: path) == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path("state/keys")) == ["keys.json"])
    }

    @Test("An existing file is never overwritten")
    func existing() throws {
        try Data("precious".utf8).write(to: URL(filePath: path))
        expectRefused("There is one already") { try KeyRingFile(path: path).create(KeyRing.generate(at: .now)) }
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("precious".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path) == ["keys.json"])
    }

    @Test("The ids of keys have a length that fits the sealed form", arguments: [0, 256])
    func idLength(count: Int) throws {
        try KeyRingFile(path: path).create(KeyRing.generate(at: .now))
        var ring = try #require(JSON(parsing: Array(try Data(contentsOf: URL(filePath: path)))).object)
        var recipient = try #require(ring["recipientKeys"]?.array?.first?.object)
        recipient["keyId"] = .string(String(repeating: "k", count: count))
        ring["recipientKeys"] = [.object(recipient)]
        let other = directory.path("other.json")
        try Data(JSON.object(ring).encoded).write(to: URL(filePath: other))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: other)
        expectRefused("recipientKeys is missing or wrong") { _ = try KeyRingFile(path: other).load() }
    }

    @Test("A ring that others may read is refused, and the error says what to do", arguments: [0o640, 0o604, 0o620, 0o601])
    func permissions(_ mode: Int) throws {
        try KeyRingFile(path: path).create(KeyRing.generate(at: .now))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        expectRefused("chmod 600") { _ = try KeyRingFile(path: path).load() }
    }

    @Test("A missing file is refused, and the error says how to make one")
    func missing() { expectRefused("keys generate") { _ = try KeyRingFile(path: path).load() } }

    @Test("A directory is not a key ring")
    func directoryAsFile() { expectRefused("not a regular file") { _ = try KeyRingFile(path: directory.url.path).load() } }

    @Test(
        "An invalid key ring is refused with the name of the fault, never its value",
        arguments: [
            ("", "not JSON"), ("{}", "version"), (#"{"version":2}"#, "version"), (#"{"version":1}"#, "wrappingKeys"),
            (#"{"version":1,"wrappingKeys":{"active":"b","keys":[{"keyId":"a","key":"TOPSECRET"}]}}"#, "wrappingKeys"),
        ]
    )
    func malformed(_ text: String, _ complaint: String) throws {
        try write(text)
        expectRefused(complaint) { _ = try KeyRingFile(path: path).load() }
    }

    @Test(
        "A ring without one of its parts is refused",
        arguments: ["wrappingKeys", "jobKeys", "identityKey", "recipientKeys"]
    )
    func incomplete(_ member: String) throws {
        try KeyRingFile(path: path).create(KeyRing.generate(at: .now))
        var object = try #require(try JSON(parsing: Array(try Data(contentsOf: URL(filePath: path)))).object)
        object[member] = nil
        try write(String(decoding: JSON.object(object).encoded, as: UTF8.self))
        expectRefused(member) { _ = try KeyRingFile(path: path).load() }
    }

    // MARK: Changing

    @Test("A ring is changed in place: completely, and with the same mode and owner")
    func updating() async throws {
        let file = KeyRingFile(path: path)
        try file.create(KeyRing.generate(at: .now))
        let before = try file.load()
        try await file.update { $0.rotated([.jobs], at: .now) }
        let after = try file.load()
        #expect(after.entries.count == before.entries.count + 1)
        #expect(after.isSame(as: before))
        #expect(try mode(of: path) == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path) == ["keys.json"])
    }

    @Test("The file's previous contents are overwritten")
    func overwriting() async throws {
        let file = KeyRingFile(path: path)
        try file.create(KeyRing.generate(at: .now))
        // A second name keeps the old file.
        try FileManager.default.linkItem(atPath: path, toPath: directory.path("old.json"))
        try await file.update { $0.rotated([.credentials], at: .now) }
        let old = try Data(contentsOf: URL(filePath: directory.path("old.json")))
        #expect(!old.isEmpty && old.allSatisfy { $0 == 0 })
    }

    @Test("A failed change leaves the ring unchanged")
    func failedUpdate() async throws {
        struct Refusal: Error {}
        let file = KeyRingFile(path: path)
        try file.create(KeyRing.generate(at: .now))
        let before = try Data(contentsOf: URL(filePath: path))
        await #expect(throws: Refusal.self) { try await file.update { _ in throw Refusal() } }
        #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }

    @Test("Two commands cannot change a ring at once")
    func contention() async throws {
        let file = KeyRingFile(path: path)
        try file.create(KeyRing.generate(at: .now))
        try await file.update { ring in
            let error = await #expect(throws: VaultError.self) { try await file.update { $0 } }
            #expect(error?.message.contains("Another command is changing it") == true)
            return ring
        }
    }

    @Test("A refused file is not kept open")
    func descriptors() throws {
        try write("{}")
        func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
        let before = try count()
        for _ in 0..<200 { #expect(throws: VaultError.self) { try KeyRingFile(path: path).load() } }
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        for _ in 0..<200 { #expect(throws: VaultError.self) { try KeyRingFile(path: path).load() } }
        // Other tests open and close files meanwhile.
        #expect(try count() < before + 100)
    }

    // MARK: Rotation

    @Test("New keys become active, former ones stay, and all names are unique")
    func rotation() throws {
        let ring = KeyRing.generate(at: .now)
        let rotated = ring.rotated(Set(KeyRing.Use.allCases), at: .now).rotated([.credentials], at: .now)
        #expect(rotated.entries.map(\.use) == [.credentials, .credentials, .credentials, .jobs, .jobs, .portals, .portals])
        #expect(rotated.entries.map(\.isActive) == [true, false, false, true, false, true, false])
        #expect(Set(rotated.entries.map(\.id)).count == 7)
        let gone = Set(ring.entries.filter { $0.use != .jobs }.map(\.id))
        let retired = gone.reduce(rotated) { $0.retiring($1) }
        #expect(retired.entries == rotated.entries.filter { !gone.contains($0.id) })
    }

    @Test("The name of a removed key is not used again")
    func names() throws {
        var ring = KeyRing.generate(at: .now)
        var names = Set(ring.entries.map(\.id))
        for _ in 0..<50 {
            let former = try #require(ring.activeKey(for: .credentials)?.id)
            ring = ring.rotated([.credentials], at: .now).retiring(former)
            #expect(names.insert(try #require(ring.activeKey(for: .credentials)?.id)).inserted)
        }
    }

    @Test("An active key cannot be retired")
    func activeKeys() {
        let ring = KeyRing.generate(at: .now)
        #expect(ring.entries.allSatisfy { ring.retiring($0.id).entries == ring.entries })
    }

    @Test("Portals get the newest key first, and no expired key")
    func publication() throws {
        let ring = KeyRing.generate(at: .now).rotated([.portals], at: .now + .seconds(86_400))
        func ids(at moment: Timestamp) -> [String]? {
            ring.publicKeys(at: moment)["keys"]?.array?.compactMap { $0["keyId"]?.string?.prefix(17) }.map(String.init)
        }
        #expect(ids(at: .now) == ["portal-2026-11-23", "portal-2026-11-22"])
        #expect(ids(at: .now + .seconds(400 * 86_400)) == ["portal-2026-11-23"])
        #expect(ids(at: .now + .seconds(401 * 86_400)) == [])
    }

    // MARK: Other places

    @Test("A ring in the environment is read, and overwritten there")
    func environment() throws {
        let ring = KeyRing.generate(at: .now)
        let text = String(decoding: ring.encoded, as: UTF8.self)
        let name = "KEY_RING_\(UUID().uuidString.replacing("-", with: ""))"
        setenv(name, text, 1)
        let memory = try #require(getenv(name))
        let source = EnvironmentKeyRing(name: name)
        #expect(try source.load().entries == ring.entries)
        #expect(getenv(name) == nil)
        #expect(UnsafeRawBufferPointer(start: memory, count: text.utf8.count).allSatisfy { $0 == 0 })
        #expect(try source.load().isSame(as: ring))
    }

    @Test("A missing or invalid variable is named with advice, and without its value")
    func badEnvironment() {
        expectRefused("is not set") { _ = try EnvironmentKeyRing(name: "KEY_RING_MISSING").load() }
        setenv("KEY_RING_BAD", #"{"version":1,"wrappingKeys":"TOPSECRET"}"#, 1)
        expectRefused("KEY_RING_BAD") { _ = try EnvironmentKeyRing(name: "KEY_RING_BAD").load() }
    }

    @Test(
        "A read-only file of root's may be readable for its group, but never for everybody: systemd's credentials, Secret volumes",
        arguments: [(0o400, true), (0o440, true), (0o444, false), (0o640, false), (0o404, false), (0o460, false)]
    )
    func ownedByRoot(_ mode: Int, _ isAccepted: Bool) throws {
        try KeyRingFile(path: path).create(KeyRing.generate(at: .now))
        // Kubernetes lays a volume out this way: the opened path is two links away from the file.
        try FileManager.default.createDirectory(atPath: directory.path("..1"), withIntermediateDirectories: true)
        try FileManager.default.moveItem(atPath: path, toPath: directory.path("..1/keys.json"))
        try FileManager.default.createSymbolicLink(atPath: directory.path("..data"), withDestinationPath: "..1")
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "..data/keys.json")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: directory.path("..1/keys.json"))
        let file = KeyRingFile(path: path)
        // A user other than root owns the file and is held to 0600.
        if isAccepted, geteuid() == 0 || mode == 0o400 {
            _ = try file.load()
        } else {
            expectRefused("defaultMode 0400") { _ = try file.load() }
        }
    }

    @Test("A volume that points to another ring is read again, and the ring remembers its store through every change")
    func pairing() async throws {
        let ring = KeyRing.generate(at: .now)
        let file = KeyRingFile(path: path)
        try file.create(ring)
        #expect(try file.load().storeID == nil)
        try await file.update { $0.belonging(to: "store-1") }
        #expect(try KeyRingFile(path: path).load().storeID == "store-1")
        let former = try #require(ring.activeKey(for: .jobs)?.id)
        try await file.update { $0.rotated(Set(KeyRing.Use.allCases), at: .now).retiring(former) }
        let changed = try KeyRingFile(path: path).load()
        #expect(changed.storeID == "store-1")
        #expect(changed.id == ring.id && changed.id.count == 32)
        #expect(KeyRing.generate(at: .now).id != ring.id)
    }

    @Test(
        "VAULT_KEYS names a file, a variable or a credential",
        arguments: [
            ("keys.json", KeyRingLocation.file("keys.json")), ("/etc/keys", .file("/etc/keys")), ("env:RING", .environment("RING")),
            ("credential:ring", .credential("ring")), ("env:", nil), ("credential:", nil), ("credential:../ring", nil), ("", nil),
        ]
    )
    func location(_ text: String, _ location: KeyRingLocation?) { #expect(KeyRingLocation(text) == location) }

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

/// A directory that is removed after the test.
private final class TemporaryDirectory: Sendable {
    let url = FileManager.default.temporaryDirectory.appending(path: "vault-\(UUID().uuidString)")

    init() {
        // A test that finds no directory fails at its first file.
        try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }
}
