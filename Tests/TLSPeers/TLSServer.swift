import ChildProcesses
import Foundation
import Testing

/// `tls-server.py` in a process of its own, on 127.0.0.1, with a certificate made for it.
package final class TLSServer {
    package let port: Int
    /// The certificate of the trusted authority.
    package let authorityFile: String
    private let directory: URL
    private let process: ChildProcess
    private var isStopped = false

    package init(_ flaw: Flaw = .none) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        authorityFile = directory.appending(path: "authority.pem").path
        try Certificates.make(in: directory, flaw)
        process = try ChildProcess([
            "python3", URL(filePath: #filePath).deletingLastPathComponent().appending(path: "tls-server.py").path,
            directory.appending(path: "chain.pem").path, directory.appending(path: "server.key").path, flaw.protocolVersion,
        ])
        let line = String(decoding: process.output.availableData, as: UTF8.self)
        port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    /// Ends it.
    ///
    /// - Returns: how many requests it has read; `nil` if it was ended before.
    @discardableResult
    package func stop() -> Int? {
        try? process.input.close()
        let rest = (try? process.output.readToEnd()) ?? Data()
        if !isStopped { process.waitUntilExit() }
        isStopped = true
        try? FileManager.default.removeItem(at: directory)
        return Int(String(decoding: rest, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
