import FoundationEssentials
import Glibc
package import Store

/// The file of a store and its file system, as the operating system reports them.
package struct StoreDisk: Sendable {
    /// In bytes, the log included; `nil` when there is no file.
    package var size: Int64?
    /// What keeps this user from writing or making the file; `nil` if nothing does.
    package var obstacle: String?
    /// Whether users other than its owner may access it.
    package var isOpenToOthers: Bool
    /// In bytes.
    package var free: Int64
    /// Whether the file system can hold another file.
    package var hasRoomForFiles: Bool

    /// - Throws: ``StoreError`` when the store's directory cannot be used.
    package static func look(at path: String) async throws(StoreError) -> StoreDisk {
        try await StoreThread.run { () throws(StoreError) in try StoreDisk(path) }
    }

    private init(_ path: String) throws(StoreError) {
        let directory = URL(filePath: path).deletingLastPathComponent().path
        var volume = statvfs()
        guard statvfs(directory, &volume) == 0 else {
            throw StoreError(
                .unavailable,
                "The directory \(directory) of the store cannot be used: \(String(cString: strerror(errno))). Make it, or check STORE_URL."
            )
        }
        free = Int64(volume.f_bavail) * Int64(volume.f_frsize)
        // File systems without a fixed number of files report 0.
        hasRoomForFiles = volume.f_files == 0 || volume.f_favail > 0

        var status = stat()
        guard stat(path, &status) == 0 else {
            size = nil
            isOpenToOthers = false
            obstacle = StoreDisk.obstacle(to: directory)
            return
        }
        var log = stat()
        size = Int64(status.st_size) + (stat(path + "-wal", &log) == 0 ? Int64(log.st_size) : 0)
        isOpenToOthers = status.st_mode & 0o077 != 0
        // The files of the log come and go next to it.
        obstacle = StoreDisk.obstacle(to: path) ?? StoreDisk.obstacle(to: directory)
    }

    private static func obstacle(to path: String) -> String? {
        access(path, W_OK) == 0 ? nil : "\(path): \(String(cString: strerror(errno)))"
    }
}
