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
    private let made = Mutex<[CallRecord]>([])

    init(_ transport: any HTTPTransport, clock: any EngineClock) {
        self.transport = transport
        self.clock = clock
    }

    /// In the order of their ends, which is that of their beginnings: a lane makes one call at a time.
    var calls: [CallRecord] { made.withLock { $0 } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let begun = clock.now
        let response: HTTPResponse
        do { response = try await transport.send(request) } catch {
            note(CallRecord(request, at: begun, answer: .none(error.code.rawValue), duration: clock.now - begun))
            throw error
        }
        note(CallRecord(request, at: begun, answer: .status(response.status), duration: clock.now - begun))
        return response
    }

    private func note(_ call: CallRecord) {
        made.withLock { if $0.count < RecordingTransport.limit { $0.append(call) } }
    }
}

extension CallRecord {
    fileprivate init(_ request: HTTPRequest, at begun: Timestamp, answer: Answer, duration: Duration) {
        let target = CallTarget(url: request.url)
        self.init(
            at: begun,
            method: request.method.rawValue,
            host: target.host,
            path: target.path,
            answer: answer,
            // A clock that is set meanwhile makes no time that has not passed.
            duration: max(duration, .zero)
        )
    }
}
