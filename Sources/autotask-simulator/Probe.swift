import Hummingbird

struct ProbeContext: InitializableFromSource {
    let source: ApplicationRequestContextSource
    init(source: ApplicationRequestContextSource) { self.source = source }
}

struct ProbeResponder: HTTPResponder {
    func respond(to request: Request, context: ProbeContext) async throws -> Response {
        let body = try await request.body.collect(upTo: 10)
        _ = body.readableBytesView.count
        try await context.source.channel.close()
        return Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: [1])))
    }
}

@main struct Main { static func main() async throws { 
  let app = Application(responder: ProbeResponder(), configuration: .init(address: .hostname("127.0.0.1", port: 0)))
  try await app.run()
} }
