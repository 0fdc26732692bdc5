import AMQP
import Contract
import Engine
import Metrics
import Telemetry

/// The job queues as the engine's job source.
struct AMQPJobSource: JobSource {
    let consumer: Consumer
    /// By queue.
    private let consumed: [String: Counter]

    init(consumer: Consumer, queues: [String], metrics: any MetricsFactory) {
        self.consumer = consumer
        let counters = queues.map { ($0, Counter(.consumedMessages, [("messaging_destination_name", $0)], to: metrics)) }
        consumed = Dictionary(counters) { first, _ in first }
    }

    func nextBatch() async -> IncomingBatch? {
        guard let deliveries = await consumer.nextBatch() else { return nil }
        // All deliveries of a batch come from one queue.
        if let queue = deliveries.first?.queue { consumed[queue]?.increment(by: deliveries.count) }
        let tags = deliveries.map(\.tag)
        return IncomingBatch(
            deliveries: deliveries.map { JobMessage($0) },
            acknowledge: { consumer.acknowledge(tags) },
            isHeld: {
                // All deliveries of a batch came over one channel.
                guard let tag = tags.first else { return false }
                return await consumer.holds(tag)
            }
        )
    }

    func suspend() { consumer.suspend() }

    func resume() { consumer.resume() }
}

extension JobMessage {
    init(_ delivery: Delivery) {
        var body: [UInt8] = []
        var oversized: OversizedBody?
        switch delivery.body {
        case .bytes(let bytes): body = bytes
        case .oversized(let size, let sha256): oversized = OversizedBody(size: size, sha256: sha256)
        }
        let properties = delivery.properties
        self.init(
            queue: delivery.queue,
            routingKey: delivery.routingKey,
            isRedelivered: delivery.isRedelivered,
            returns: JobMessage.returns(properties.headers),
            contentType: properties.contentType,
            messageID: properties.messageID,
            type: properties.type,
            userID: properties.userID,
            expiration: properties.expiration,
            isCopied: properties.headers["CC"] != nil,
            traceparent: properties.headers["traceparent"]?.string,
            binaryAttributes: JobMessage.binaryAttributes(in: properties.headers),
            body: body,
            oversized: oversized
        )
    }

    /// A quorum queue counts failed deliveries. RabbitMQ 4 counts acquired messages as well.
    private static func returns(_ headers: [String: AMQPFieldValue]) -> Int64? {
        ["x-delivery-count", "x-acquired-count"].compactMap { name -> Int64? in
            if case .integer(let count) = headers[name] { count } else { nil }
        }.max()
    }

    /// The attributes of a CloudEvent in binary mode, by the AMQP binding's prefixes.
    private static func binaryAttributes(in headers: [String: AMQPFieldValue]) -> [String: String] {
        var attributes: [String: String] = [:]
        for (name, value) in headers {
            // Case is ignored: a client library may have changed it. RabbitMQ's own binding has ce-.
            let name = name.lowercased()
            guard let prefix = ["cloudevents:", "cloudevents_", "ce-", "ce_"].first(where: name.hasPrefix), let text = value.string else {
                continue
            }
            attributes[String(name.dropFirst(prefix.count))] = text
        }
        return attributes
    }
}
