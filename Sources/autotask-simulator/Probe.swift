import Foundation
import Hummingbird

struct ProbeContext: InitializableFromSource, Sendable {
    let disconnect: @Sendable () async throws -> Void
    init(source: ApplicationRequestContextSource) {
        let channel = source.channel
        disconnect = { try await channel.close() } }
}

struct ProbeResponder: HTTPResponder {
    func respond(to request: Request, context: ProbeContext) async throws -> Response {
        let body = try await request.body.collect(upTo: 10)
        _ = body.readableBytesView.count
        try await context.disconnect()
        return Response(status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: [1])))
    }
}

@main struct Main { static func main() async throws { 
  let app = Application(responder: ProbeResponder(), configuration: .init(address: .hostname("127.0.0.1", port: 0)))
  _ = "a%20".removingPercentEncoding
  try await app.run()
} }
