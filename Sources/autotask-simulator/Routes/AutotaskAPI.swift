import FoundationEssentials
import Hummingbird

/// The simulated API: one call from its arrival to its answer.
struct AutotaskAPI: Sendable {
    private static let maximumBody = 4 << 20

    let simulator: Simulator

    func respond(to request: Request, context: SimulatorContext) async throws -> Response {
        var request = request
        let arrival = Arrival(request, simulator)
        let encounter = simulator.faults.meet(arrival.subject)
        for change in encounter.changes {
            if let database = arrival.database { _ = try? simulator.apply(change, to: database) }
        }
        var body: ByteBuffer?
        if encounter.fault?.fault.kind != .closeBeforeReading {
            body = try await request.collectBody(upTo: AutotaskAPI.maximumBody)
        }

        let exchange = Exchange(arrival, encounter, body: body, simulator)
        switch await exchange.run() {
        case .answer(let answer):
            exchange.end(answer, isClosed: false)
            return answer.response
        case .close(let answer):
            exchange.end(answer, isClosed: true)
        case .closeThenCommit(let commit):
            exchange.end(nil, isClosed: true)
            Task { await commit() }
        case .hang(let id):
            try await hang(on: id, request)
            exchange.end(nil, isClosed: true)
        }
        try await context.disconnect()
        throw Disconnected()
    }

    /// Waits until the fault is removed or the client disconnects.
    private func hang(on id: Int, _ request: Request) async throws {
        let (stream, release) = simulator.faults.hang(on: id)
        try await request.body.consumeWithInboundCloseHandler { _ in
            for await _ in stream {}
        } onInboundClosed: {
            release()
        }
    }

    /// Ends a request whose connection was closed on purpose.
    private struct Disconnected: Error {}
}

/// The properties of a call that its head shows.
struct Arrival: Sendable {
    let route: Result<Route, Route.Failure>
    let method: String
    let path: String
    let parameters: QueryParameters
    let authority: String
    let credentials: Credentials?
    /// The user name that the call names, known or not.
    let username: String?
    let database: Database?

    init(_ request: Request, _ simulator: Simulator) {
        method = request.method.rawValue
        path = request.uri.path
        parameters = QueryParameters(request.uri.query)
        authority = request.head.authority ?? "127.0.0.1"
        let (method, path, hasSearch) = (method, path, parameters["search"] != nil)
        route = Result { () throws(Route.Failure) in try Route(method: method, path: path, hasSearch: hasSearch) }
        credentials = Credentials(request)
        if case .success(let route) = route, case .zoneInformation = route.target {
            username = parameters["user"]
        } else {
            username = credentials?.username
        }
        database = username.flatMap { simulator.database(ofUser: $0) }
    }

    var subject: Fault.Subject {
        let route = try? route.get()
        return Fault.Subject(
            database: database?.id,
            user: username,
            entity: route?.entity ?? "",
            method: method,
            operation: route?.operation ?? "unknown"
        )
    }
}

extension Credentials {
    /// Reads the credentials; `nil` without a user name or secret. A missing tracking identifier becomes an empty one.
    fileprivate init?(_ request: Request) {
        func header(_ name: String) -> String? { HTTPFields.Element.Name(name).flatMap { request.headers[$0] } }
        guard let username = header("UserName"), let secret = header("Secret") else { return nil }
        self.init(username: username, secret: secret, integrationCode: header("ApiIntegrationCode") ?? "")
    }
}
