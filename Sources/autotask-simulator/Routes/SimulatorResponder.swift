import Hummingbird
import Logging

/// The context of a request: in addition to Hummingbird's own, a function that closes its connection.
struct SimulatorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Closes the connection, with or without an answer.
    let disconnect: @Sendable () async throws -> Void

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        let channel = source.channel
        disconnect = { try await channel.close() }
    }
}

/// Answers all requests: `/simulator` with the control API, the others as Autotask.
struct SimulatorResponder: HTTPResponder {
    private let control: RouterResponder<SimulatorContext>
    private let autotask: AutotaskAPI

    init(_ simulator: Simulator) {
        let router = Router(context: SimulatorContext.self)
        ControlRoutes(simulator: simulator).add(to: router)
        control = router.buildResponder()
        autotask = AutotaskAPI(simulator: simulator)
    }

    func respond(to request: Request, context: SimulatorContext) async throws -> Response {
        if request.uri.path.hasPrefix("/simulator") {
            try await control.respond(to: request, context: context)
        } else {
            try await autotask.respond(to: request, context: context)
        }
    }
}

extension Answer {
    var response: Response {
        var fields = HTTPFields()
        if let contentType { fields[.contentType] = contentType }
        for (name, value) in headers {
            if let name = HTTPFields.Element.Name(name) { fields[name] = value }
        }
        return Response(
            status: HTTPResponse.Status(code: status),
            headers: fields,
            body: body.isEmpty ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: body))
        )
    }
}

extension Simulator {
    /// The server, on the loopback interface only.
    ///
    /// - Parameters:
    ///   - port: the port, or 0 for any free one.
    ///   - onListening: called with the port on which the server listens.
    func application(port: Int, onListening: @escaping @Sendable (Int) async -> Void = { _ in }) -> Application<SimulatorResponder> {
        Application(
            responder: SimulatorResponder(self),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port), backlog: 4096),
            onServerRunning: { channel in
                if let port = channel.localAddress?.port { await onListening(port) }
            },
            logger: Logger(label: "autotask-simulator") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
