import Foundation
import Glibc
import HTTP

/// A private nginx on loopback, in a temporary directory.
struct Nginx {
    let endpoint: String
    var url: String { "http://\(endpoint)/" }
    private let directory: URL
    private let process = Process()

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "http-benchmark-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let port = Int.random(in: 20_000..<30_000)
        endpoint = "127.0.0.1:\(port)"
        let configuration = """
            daemon off;
            master_process off;
            pid nginx.pid;
            error_log stderr error;
            events { worker_connections 8192; }
            http {
                access_log off;
                keepalive_requests 1000000000;
                client_body_temp_path body;
                server {
                    listen 127.0.0.1:\(port) backlog=8192;
                    location / {
                        default_type application/json;
                        return 200 '{"items":[],"pageDetails":{"count":0,"requestCount":500,"prevPageUrl":null,"nextPageUrl":null}}';
                    }
                }
            }
            """
        let file = directory.appending(path: "nginx.conf")
        try configuration.write(to: file, atomically: true, encoding: .utf8)
        process.executableURL = URL(filePath: "/usr/sbin/nginx")
        process.arguments = ["-p", directory.path, "-c", file.path]
        try process.run()
    }

    /// Polls until it answers, for up to five seconds.
    func waitUntilReady(_ transport: CurlTransport) async throws {
        let probe = HTTPRequest(method: .get, url: url)
        for _ in 0..<100 {
            if (try? await transport.send(probe)) != nil { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        _ = try await transport.send(probe)
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: directory)
    }
}
