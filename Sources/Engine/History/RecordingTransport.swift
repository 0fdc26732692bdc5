import Autotask
import Contract
import HTTP
import Store
import Synchronization

/// One attempt's way to Autotask, which remembers what is called: whatever makes a call goes through it.
final class RecordingTransport: HTTPTransport {
    /// So many calls are told, more than any attempt has reason to make; how many there were is told in any case.
    private static let limit = 5000

    private let transport: any HTTPTransport
    private let clock: any EngineClock
    private let made = Mutex<(calls: [CallRecord], counted: Int)>(([], 0))

    init(_ transport: any HTTPTransport, clock: any EngineClock) {
        self.transport = transport
        self.clock = clock
    }

    /// In the order of their ends, which is that of their beginnings: a lane makes one call at a time.
    var calls: [CallRecord] { made.withLock { $0.calls } }

    /// How many there were that count among a job's calls.
    var counted: Int { made.withLock { $0.counted } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let target = CallTarget(url: request.url)
        let begun = clock.now
        func note(_ answer: CallRecord.Answer) {
            made.withLock { made in
                if target.isCounted { made.counted += 1 }
                guard made.calls.count < RecordingTransport.limit else { return }
                made.calls.append(CallRecord(request.method, target, at: begun, answer: answer, duration: clock.now - begun))
            }
        }
        do {
            let response = try await transport.send(request)
            note(.status(response.status))
            return response
        } catch {
            note(.none(error.code.rawValue))
            throw error
        }
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
            // A clock that is set meanwhile makes no time that has not passed.
            duration: max(duration, .zero)
        )
    }
}
