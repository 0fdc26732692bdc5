import Autotask
import Contract
import Foundation
import HTTP
import Secrets
import Synchronization

/// Answers requests from a script, in order, and records the requests.
final class ScriptedTransport: HTTPTransport {
    private struct State {
        var answers: [Result<HTTPResponse, HTTPError>]
        var requests: [HTTPRequest] = []
    }

    private let state: Mutex<State>

    init(_ answers: Result<HTTPResponse, HTTPError>...) { state = Mutex(State(answers: answers)) }

    init(_ responses: [HTTPResponse]) { state = Mutex(State(answers: responses.map { .success($0) })) }

    var requests: [HTTPRequest] { state.withLock { $0.requests } }

    /// The bodies of all requests, as text.
    var bodies: [String] { requests.map { String(decoding: $0.body, as: UTF8.self) } }

    func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let answer: Result<HTTPResponse, HTTPError> = state.withLock { state in
            state.requests.append(request)
            guard !state.answers.isEmpty else {
                return .failure(HTTPError(.unexpected, "the script has ended", mayHaveBeenSent: false))
            }
            return state.answers.removeFirst()
        }
        return try answer.get()
    }
}

extension HTTPResponse {
    static func answer(_ status: Int = 200, _ body: String, headers: [(name: String, value: String)] = []) -> HTTPResponse {
        HTTPResponse(status: status, headers: headers, body: Array(body.utf8))
    }

    static func fixture(_ name: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(status: status, body: Fixture.bytes(name))
    }

    /// An answer of Autotask's that lists one error.
    static func failure(_ text: String) -> HTTPResponse { failure(500, text) }

    static func failure(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(status: status, body: JSON.object(["errors": [.string(text)]]).encoded)
    }
}

/// Bodies in Autotask's form.
enum Fixture {
    static func bytes(_ name: String) -> [UInt8] {
        let url = Bundle.module.url(forResource: "Fixtures/" + name, withExtension: nil)
        return url.flatMap { try? Data(contentsOf: $0) }.map { Array($0) } ?? Array("no fixture \(name)".utf8)
    }

    static func json(_ name: String) throws -> JSON { try JSON(parsing: bytes(name)) }
}

extension Zone {
    static let test = Zone(
        name: "AE02",
        apiURL: "https://webservices14.autotask.net/ATServicesRest/",
        webURL: "https://ww14.autotask.net/"
    )
}

extension AutotaskCredentials {
    static func test(username: String = "api@demo.example", secret: String = "s3cr3t-Wort", code: String = "TRACK-4711")
        -> AutotaskCredentials
    {
        test(username: username, secret: Array(secret.utf8), code: code)
    }

    /// - Parameter secret: any bytes, including those that a text cannot hold.
    static func test(username: String, secret: [UInt8], code: String) -> AutotaskCredentials {
        AutotaskCredentials(
            Credentials(username: username, secret: SecretReference(copying: secret.span), integrationCode: nil),
            vendorCode: SecretReference(copying: Array(code.utf8).span)
        )
    }
}

extension AutotaskSession {
    static func test(
        _ transport: ScriptedTransport,
        credentials: AutotaskCredentials = .test(),
        traceparent: String? = nil
    ) -> AutotaskSession {
        AutotaskSession(transport: transport, zone: .test, credentials: credentials, traceparent: traceparent)
    }
}
