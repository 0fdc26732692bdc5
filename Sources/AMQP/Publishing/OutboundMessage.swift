/// A message to publish as mandatory and with a confirm.
package struct OutboundMessage: Sendable {
    package var exchange: String
    package var routingKey: String
    /// The properties, with a `messageID` that is unique among messages in flight: a returned message is recognized by it.
    package var properties: MessageProperties
    package var body: [UInt8]

    package init(exchange: String, routingKey: String, properties: MessageProperties, body: [UInt8]) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.properties = properties
        self.body = body
    }

    /// The reason why the message cannot be sent: AMQP's short strings have at most 255 bytes.
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
