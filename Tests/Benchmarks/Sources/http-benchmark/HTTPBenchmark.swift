import Foundation
import Glibc
import HTTP
import Logging

/// Requests each second, and processor time for each, of the transport against an nginx on loopback that answers at once.
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
            print("in flight \(inFlight): \(round.perSecond) requests/s, \(round.processorMicroseconds) µs of processor time each")
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

    private static func measure(_ transport: CurlTransport, url: String, inFlight: Int, requests: Int) async throws -> Round {
        // As large as a call to Autotask: its headers, and a filter.
        let request = HTTPRequest(
            method: .post,
            url: url,
            headers: [
                HTTPHeader("UserName", "api-user-0123456789@example.com"),
                HTTPHeader("Secret", "A#1b2C3d4E5f6G7h8I9j0K"),
                HTTPHeader("ApiIntegrationCode", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                HTTPHeader("Content-Type", "application/json"),
            ],
            body: Array(#"{"MaxRecords":500,"filter":[{"op":"in","field":"name","value":["a","b","c","d"]}]}"#.utf8)
        )
        let processor = processorTime()
        let start = ContinuousClock.now
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
        return Round(requests: requests / inFlight * inFlight, wall: .now - start, processor: processorTime() - processor)
    }

    private struct UnexpectedStatus: Error {
        let status: Int
    }

    /// What this process has used so far, in all its threads.
    private static func processorTime() -> Duration {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(.zero) { $0 + .seconds($1.tv_sec) + .microseconds($1.tv_usec) }
    }
}
