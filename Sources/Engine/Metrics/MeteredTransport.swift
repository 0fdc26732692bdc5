import Autotask
import Contract
import HTTP
import Metrics
import Synchronization
import Telemetry

/// The transport to Autotask, which records each call's operation, zone, result and duration.
final class MeteredTransport: HTTPTransport {
    private struct Key: Hashable {
        let method: HTTPRequest.Method
        let url: String
    }

    private struct Target {
        let operation: AutotaskOperation?
        let calls: Metered<CallResult, Counter>
    }

    private let transport: any HTTPTransport
    private let clock: any EngineClock
    let clockOffset = ClockOffset()
    private let factory: any MetricsFactory
    private let times: MeteredPairs<AutotaskOperation, CallResult, Timer>
    private let failures: Metered<HTTPError.Code, Counter>
    private let zones = ZoneLabel()
    /// By zone. A zone has counters from its first call on.
    private let calls = Mutex<[String: Metered<CallResult, Counter>]>([:])
    private let targets = RecentValues<Key, Target>(limit: 1024)

    init(_ transport: any HTTPTransport, clock: any EngineClock, to factory: any MetricsFactory) {
        self.transport = transport
        self.clock = clock
        self.factory = factory
        times = MeteredPairs(.requestTime, to: factory)
        failures = Metered(.callFailures, to: factory)
    }

    /// The zones that were called.
    var zoneNames: [String] { calls.withLock { $0.keys.sorted() } }

    func zone(ofHost host: String) -> String { zones.value(ofHost: host) }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let begun = ContinuousClock.now
        do {
            let response = try await transport.send(request)
            note(request, CallResult(status: response.status), since: begun)
            clockOffset.note(response, at: clock.now)
            return response
        } catch {
            note(request, .none, since: begun)
            failures[error.code].increment()
            throw error
        }
    }

    private func note(_ request: HTTPRequest, _ result: CallResult, since begun: ContinuousClock.Instant) {
        let target = targets.value(of: Key(method: request.method, url: request.url)) {
            let target = CallTarget(url: request.url)
            return Target(operation: AutotaskOperation(request.method, target), calls: calls(to: zones.value(ofHost: target.host)))
        }
        if let operation = target.operation { times[operation, result]?.record(.now - begun) }
        target.calls[result].increment()
    }

    private func calls(to zone: String) -> Metered<CallResult, Counter> {
        calls.withLock { calls in
            if let counters = calls[zone] { return counters }
            let counters = Metered<CallResult, Counter>(.calls, [("zone", zone)], to: factory)
            calls[zone] = counters
            return counters
        }
    }
}

extension HTTPError.Code: MetricLabel {
    package static var metricLabel: String { "error_type" }
}
