import Foundation
import Testing

/// `tls-server.py` in a process of its own, with a certificate made for it.
final class TLSServer {
    /// What is wrong with the server.
    enum Flaw: String, CaseIterable, Sendable {
        case none
        /// Its certificate is signed by nobody but itself.
        case selfSigned
        /// Its certificate names another host.
        case wrongHost
        /// Its certificate was good until yesterday.
        case expired
        /// It speaks no TLS newer than 1.1.
        case oldProtocol
    }

    let port: Int
    /// The certificate of the authority that signed the server's.
    let authorityFile: String
    private let directory: URL
    private let process = Process()
    private let input = Pipe()

    init(_ flaw: Flaw = .none) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        authorityFile = directory.appending(path: "authority.pem").path
        try TLSServer.makeCertificates(in: directory, flaw)
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "python3", URL(filePath: #filePath).deletingLastPathComponent().appending(path: "tls-server.py").path,
            directory.appending(path: "server.pem").path, directory.appending(path: "server.key").path,
            flaw == .oldProtocol ? "1.1" : "1.2",
        ]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: directory)
    }

    private static func makeCertificates(in directory: URL, _ flaw: Flaw) throws {
        let names = flaw == .wrongHost ? "DNS:other.example,IP:127.0.0.2" : "DNS:localhost,IP:127.0.0.1"
        // `openssl ca` alone can set both dates.
        let configuration = """
            [ca]
            default_ca = authority
            [authority]
            database = index.txt
            new_certs_dir = .
            serial = serial
            default_md = sha256
            policy = policy
            copy_extensions = copy
            [policy]
            commonName = supplied
            """
        let script = """
            set -e
            printf '%s\\n' '\(configuration)' > ca.cnf
            : > index.txt
            echo 01 > serial
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout authority.key -out authority.pem -subj '/CN=Test Authority' -days 2
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj '/CN=server' -addext 'subjectAltName=\(names)'
            if [ \(flaw) = selfSigned ]; then
                openssl x509 -req -in server.csr -signkey server.key -copy_extensions copy -out server.pem -days 2
            else
                start=\(flaw == .expired ? "20200101000000Z" : "$(date -u -d '1 hour ago' +%Y%m%d%H%M%SZ)")
                end=\(flaw == .expired ? "$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)" : "$(date -u -d '1 day' +%Y%m%d%H%M%SZ)")
                openssl ca -batch -notext -config ca.cnf -cert authority.pem -keyfile authority.key -in server.csr -out server.pem \
                    -startdate "$start" -enddate "$end"
            fi
            """
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script]
        process.currentDirectoryURL = directory
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(String(decoding: text, as: UTF8.self))")
    }
}
