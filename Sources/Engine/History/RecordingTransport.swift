import Autotask
import Contract
import HTTP
import Store
import Synchronization

/// One attempt's transport to Autotask, which records every call.
final class RecordingTransport: HTTPTransport {
    /// The maximum number of recorded calls, more than any attempt has reason to make. All of them are counted.
    private static let limit = 5000

    private let transport: any HTTPTransport
    private let clock: any EngineClock
    /// The time by which every call has to end; `nil` leaves calls their own time limits.
    private let deadline: Timestamp?
    private let made = Mutex<(calls: [CallRecord], counted: Int)>(([], 0))

    init(_ transport: any HTTPTransport, clock: any EngineClock, deadline: Timestamp? = nil) {
        self.transport = transport
        self.clock = clock
        self.deadline = deadline
    }

    /// In the order in which they ended, which is also the order in which they began: a lane makes one call at a time.
    var calls: [CallRecord] { made.withLock { $0.calls } }

    /// The number of calls that count among a job's calls.
    var counted: Int { made.withLock { $0.counted } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let target = CallTarget.recent(url: request.url)
        let begun = clock.now
        func note(_ answer: CallRecord.Answer) {
            made.withLock { made in
                if target.isCounted { made.counted += 1 }
                guard made.calls.count < RecordingTransport.limit else { return }
                made.calls.append(CallRecord(request.method, target, at: begun, answer: answer, duration: clock.now - begun))
            }
        }
        do {
            let response = try await sendInTime(request)
            note(.status(response.status))
            return response
        } catch {
            note(.none(error.code.rawValue))
            throw error
        }
    }

    /// Abandons the call at the deadline, if that comes before the call's own time limit.
    private func sendInTime(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        guard let deadline, deadline - clock.now < request.timeout else { return try await transport.send(request) }
        let outcome = await withTaskGroup(of: Result<HTTPResponse, HTTPError>?.self) { group in
            group.addTask { [transport] in
                do throws(HTTPError) { return .success(try await transport.send(request)) } catch { return .failure(error) }
            }
            group.addTask { [clock] in
                await clock.sleep(until: deadline)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            if let first { return first }
            // The result of the cancelled call, unless its answer has just come.
            let second = await group.next() ?? nil
            if case .failure(let error) = second, error.code == .cancelled, !Task.isCancelled {
                return .failure(RecordingTransport.outOfTime(mayHaveBeenSent: error.mayHaveBeenSent))
            }
            return second ?? .failure(RecordingTransport.outOfTime(mayHaveBeenSent: true))
        }
        return try outcome.get()
    }

    private static func outOfTime(mayHaveBeenSent: Bool) -> HTTPError {
        HTTPError(.outOfTime, "The job has to end now", mayHaveBeenSent: mayHaveBeenSent)
    }
}

extension CallRecord {
    fileprivate init(_ method: HTTPRequest.Method, _ target: CallTarget, at begun: Timestamp, answer: Answer, duration: Duration) {
        self.init(
            at: begun,
            method: method.rawValue,
            host: target.host,
            path: target.path,
            answer: answer,
            // A clock that is set back in between must not make the duration negative.
            duration: max(duration, .zero)
        )
    }
}

extension CallTarget {
    private static let targets = RecentValues<String, CallTarget>(limit: 1024)

    /// The target of a URL, which is nearly always one of a few.
    static func recent(url: String) -> CallTarget { targets.value(of: url) { CallTarget(url: url) } }
}
