import Foundation

/// A directory that goes away with the test. It is in memory where the system has such a place: a hundred stores that wait for every commit
/// would keep a disk busy, and what the disk does is not what these tests are about.
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
