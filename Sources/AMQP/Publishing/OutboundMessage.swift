/// A message to publish: mandatory, and confirmed.
package struct OutboundMessage: Sendable {
    package var exchange: String
    package var routingKey: String
    /// With a `messageID` that no other message in flight has: by it a message that comes back as unroutable is known again.
    package var properties: MessageProperties
    package var body: [UInt8]

    package init(exchange: String, routingKey: String, properties: MessageProperties, body: [UInt8]) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.properties = properties
        self.body = body
    }

    /// Why this cannot be sent: AMQP's short strings have at most 255 bytes.
    var problem: AMQPError? {
        let strings = [
            exchange, routingKey, properties.contentType, properties.messageID, properties.correlationID, properties.type,
            properties.userID,
            properties.appID,
        ]
        guard strings.contains(where: { ($0?.utf8.count ?? 0) > 255 }) else { return nil }
        return AMQPError(.invalidMessage, "The routing key or a property is longer than 255 bytes.")
    }
}
