import Contract
import HTTP
import Store
import Testing

@testable import Engine

struct RecordingTransportTests {
    private let clock = ManualClock(Timestamp("2026-11-22T08:00:00Z")!)

    private func calls(_ url: String, _ method: HTTPRequest.Method, _ result: Result<HTTPResponse, HTTPError>) async -> [CallRecord] {
        let transport = RecordingTransport(SlowTransport(clock: clock, result: result), clock: clock)
        let request = HTTPRequest(method: method, url: url, body: Array("a body".utf8))
        let received = await Result { () async throws(HTTPError) in try await transport.send(request) }
        #expect((try? received.get().status) == (try? result.get().status))
        return transport.calls
    }

    @Test func `a call is recorded with method, path, status and time`() async {
        let url = "https://WebServices14.autotask.net/ATServicesRest/V1.0/Services/query"
        #expect(
            await calls(url, .post, .success(HTTPResponse(status: 500))) == [
                CallRecord(
                    at: Timestamp("2026-11-22T08:00:00Z")!,
                    method: "POST",
                    host: "webservices14.autotask.net",
                    path: "Services/query",
                    answer: .status(500),
                    duration: .milliseconds(34)
                )
            ]
        )
    }

    @Test func `a call without an answer is recorded with the reason and the time until it was known`() async {
        let error = HTTPError(.timedOut, "late", mayHaveBeenSent: true)
        let made = await calls("https://a.autotask.net/V1.0/Services", .patch, .failure(error))
        #expect(made.map(\.answer) == [.none("timedOut")] && made.map(\.duration) == [.milliseconds(34)])
    }

    @Test func `a zone look-up is recorded without the user`() async {
        let url = "https://webservices.autotask.net/atservicesrest/V1.0/zoneInformation?user=api%40demo.example"
        #expect(await calls(url, .get, .success(HTTPResponse(status: 200))).map(\.path) == ["zoneInformation"])
    }

    @Test func `asking for the usage of the quota is recorded, and not counted`() async throws {
        let transport = RecordingTransport(SlowTransport(clock: clock, result: .success(HTTPResponse(status: 200))), clock: clock)
        for path in ["Version", "ThresholdInformation", "Version"] {
            _ = try await transport.send(HTTPRequest(method: .get, url: "https://a.autotask.net/ATServicesRest/V1.0/\(path)"))
        }
        #expect(transport.calls.map(\.path) == ["Version", "ThresholdInformation", "Version"] && transport.counted == 2)
    }

    // MARK: A job with a deadline

    private let start = Timestamp("2026-11-22T08:00:00Z")!

    @Test func `a call is given up at the deadline, although no answer ever comes`() async {
        let clock = SteppedClock(start)
        let transport = RecordingTransport(SilentTransport(), clock: clock, deadline: start + .seconds(20))
        async let ending = Result { () async throws(HTTPError) in
            try await transport.send(HTTPRequest(method: .get, url: "https://a.autotask.net/V1.0/Version"))
        }
        await clock.advanceToNextSleeper()
        #expect(await ending.code == .outOfTime && clock.now == start + .seconds(20))
        #expect(transport.calls.map(\.answer) == [.none("outOfTime")] && transport.calls.map(\.duration) == [.seconds(20)])
    }

    @Test func `the deadline does not affect a call that is answered in time`() async {
        let answering = SlowTransport(clock: clock, result: .success(HTTPResponse(status: 200)))
        let transport = RecordingTransport(answering, clock: SteppedClock(start), deadline: start + .seconds(20))
        let request = HTTPRequest(method: .get, url: "https://a.autotask.net/V1.0/Version")
        let ending = await Result { () async throws(HTTPError) in try await transport.send(request) }
        #expect((try? ending.get().status) == 200)
    }

    @Test func `a call whose task is cancelled is cancelled, and not timed out`() async {
        let clock = SteppedClock(start)
        let transport = RecordingTransport(SilentTransport(), clock: clock, deadline: start + .seconds(20))
        let task = Task {
            await Result { () async throws(HTTPError) in
                try await transport.send(HTTPRequest(method: .get, url: "https://a.autotask.net/V1.0/Version"))
            }
        }
        await clock.untilSomebodySleeps()
        task.cancel()
        #expect(await task.value.code == .cancelled)
    }
}

/// Never answers: a call ends when it is cancelled.
private struct SilentTransport: HTTPTransport {
    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let signal = WakeSignal()
        _ = await signal.wait()
        throw HTTPError(.cancelled, "the task was cancelled", mayHaveBeenSent: true)
    }
}

extension Result<HTTPResponse, HTTPError> {
    fileprivate var code: HTTPError.Code? {
        guard case .failure(let error) = self else { return nil }
        return error.code
    }
}

/// Answers after 34 ms of a clock that the test advances.
private struct SlowTransport: HTTPTransport {
    let clock: ManualClock
    let result: Result<HTTPResponse, HTTPError>

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        clock.advance(by: .milliseconds(34))
        return try result.get()
    }
}

extension Result {
    fileprivate init(_ body: () async throws(Failure) -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
