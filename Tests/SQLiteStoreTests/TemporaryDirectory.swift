import Foundation

/// A directory that is removed after the test. It is in memory if the system allows it: a hundred stores that wait for every commit
/// would keep a disk busy, and these tests do not concern disks.
final class TemporaryDirectory: Sendable {
    let url: URL

    init() throws {
        let memory = URL(filePath: "/dev/shm")
        let parent = FileManager.default.isWritableFile(atPath: memory.path) ? memory : FileManager.default.temporaryDirectory
        url = parent.appending(path: "store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }
}
