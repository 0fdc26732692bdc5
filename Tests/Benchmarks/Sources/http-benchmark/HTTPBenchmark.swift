import CurlPeer
import Foundation
import Glibc
import HTTP
import Logging

/// Measures the transport's requests per second, and processor time for each, against an nginx on loopback that answers at once. It
/// measures the same for plain C over the same libcurl, which shows the machine's limit.
///
///     swift run -c release http-benchmark [REQUESTS]
///
/// nginx has one process, and shares the machine with the client: on two cores, one each.
@main
enum HTTPBenchmark {
    static func main() async throws {
        let requests = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 200_000
        let server = try Nginx()
        defer { server.stop() }
        var configuration = CurlTransport.Configuration(hosts: HostPolicy(additionalHosts: [server.endpoint]))
        configuration.maximumInFlightPerEndpoint = configuration.maximumInFlight
        let transport = try CurlTransport(configuration: configuration, logger: Logger(label: "http-benchmark"))
        try await server.waitUntilReady(transport)
        for inFlight in [1, 64, 1000] {
            // The first round opens the connections.
            _ = try await measure(transport, url: server.url, inFlight: inFlight, requests: inFlight * 4)
            let round = try await measure(transport, url: server.url, inFlight: inFlight, requests: inFlight > 1 ? requests : requests / 10)
            let peer = try await measurePeer(url: server.url, inFlight: inFlight, requests: round.requests)
            print(
                """
                in flight \(inFlight): \(round.perSecond) requests/s, \(round.processorMicroseconds) µs of processor time each; \
                plain C \(peer.perSecond) requests/s, \(peer.processorMicroseconds) µs
                """
            )
        }
        await transport.shutdown()
    }

    private struct Round {
        var requests: Int
        var wall: Duration
        var processor: Duration

        var perSecond: Int { Int(Double(requests) / (wall / .seconds(1))) }
        var processorMicroseconds: String { String(format: "%.1f", processor / .microseconds(1) / Double(requests)) }
    }

    // As large as a call to Autotask, with its headers and a filter.
    private static let headers = [
        ("UserName", "api-user-0123456789@example.com"),
        ("Secret", "A#1b2C3d4E5f6G7h8I9j0K"),
        ("ApiIntegrationCode", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("Content-Type", "application/json"),
    ]
    private static let body = #"{"MaxRecords":500,"filter":[{"op":"in","field":"name","value":["a","b","c","d"]}]}"#

    private static func measure(_ transport: CurlTransport, url: String, inFlight: Int, requests: Int) async throws -> Round {
        let request = HTTPRequest(method: .post, url: url, headers: headers.map { HTTPHeader($0, $1) }, body: Array(body.utf8))
        let requests = requests / inFlight * inFlight
        return try await timed(requests) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<inFlight {
                    group.addTask {
                        for _ in 0..<(requests / inFlight) {
                            let response = try await transport.send(request)
                            guard response.status == 200 else { throw UnexpectedStatus(status: response.status) }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func measurePeer(url: String, inFlight: Int, requests: Int) async throws -> Round {
        let lines = headers.map { strdup("\($0): \($1)") }
        defer { for line in lines { free(line) } }
        return try await timed(requests) {
            let code = (lines + [nil]).map { UnsafePointer($0) }.withUnsafeBufferPointer {
                curl_peer_run(url, $0.baseAddress, body, Int32(inFlight), requests)
            }
            guard code == 0 else { throw PeerFailure(code: code) }
        }
    }

    private static func timed(_ requests: Int, _ work: () async throws -> Void) async rethrows -> Round {
        let processor = processorTime()
        let start = ContinuousClock.now
        try await work()
        return Round(requests: requests, wall: .now - start, processor: processorTime() - processor)
    }

    private struct UnexpectedStatus: Error {
        let status: Int
    }

    private struct PeerFailure: Error {
        /// libcurl's.
        let code: Int32
    }

    /// The processor time that this process has used so far, in all its threads.
    private static func processorTime() -> Duration {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(.zero) { $0 + .seconds($1.tv_sec) + .microseconds($1.tv_usec) }
    }
}
