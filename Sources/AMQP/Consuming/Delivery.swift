/// A message that the broker handed over, and waits to see acknowledged.
package struct Delivery: Sendable {
    package var tag: DeliveryTag
    /// The queue it came from.
    package var queue: String
    package var exchange: String
    package var routingKey: String
    /// Whether it was delivered before, to whomever, and not acknowledged.
    package var isRedelivered: Bool
    package var properties: MessageProperties
    package var body: DeliveryBody
}

/// The body of a delivery, or what is known of one that is larger than is kept.
package enum DeliveryBody: Equatable, Sendable {
    case bytes([UInt8])
    case oversized(size: Int, sha256: [UInt8])
}

/// Names a delivery to the consumer that made it. It dies with its channel: the broker delivers the message again, under another tag.
package struct DeliveryTag: Hashable, Sendable {
    /// Which opening of a channel it belongs to; never used twice by a consumer.
    let generation: UInt64
    /// The broker's number for it, from 1.
    let number: UInt64
}
