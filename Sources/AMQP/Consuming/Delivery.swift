/// A message that the broker delivered and whose acknowledgement it expects.
package struct Delivery: Sendable {
    package var tag: DeliveryTag
    /// The queue it came from.
    package var queue: String
    package var exchange: String
    package var routingKey: String
    /// Whether it was delivered before to any consumer, and not acknowledged.
    package var isRedelivered: Bool
    package var properties: MessageProperties
    package var body: DeliveryBody
}

/// The body of a delivery, or size and digest of one that is too large to keep.
package enum DeliveryBody: Equatable, Sendable {
    case bytes([UInt8])
    case oversized(size: Int, sha256: [UInt8])
}

/// Identifies a delivery for its consumer. It is valid only as long as its channel: later, the broker delivers the message again under
/// another tag.
package struct DeliveryTag: Hashable, Sendable {
    /// The number of the channel's opening; a consumer never uses one twice.
    let generation: UInt64
    /// The broker's number of the delivery, from 1.
    let number: UInt64
}
