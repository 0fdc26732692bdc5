/// A message or method from the broker on an open connection, copied to Swift's own memory.
enum Inbound {
    case channelOpened(channel: UInt16)
    case confirmsSelected(channel: UInt16)
    case consumerStarted(channel: UInt16)
    case consumerCancelled(channel: UInt16)
    /// The broker confirmed the cancellation of a consumer.
    case consumerCancelConfirmed(channel: UInt16)
    case delivery(IncomingMessage, channel: UInt16)
    case returned(ReturnedMessage, channel: UInt16)
    /// The broker's answer for published messages.
    case answered(channel: UInt16, number: UInt64, isMultiple: Bool, isAck: Bool)
    /// The broker closed a channel, and the worker has confirmed it.
    case channelClosed(channel: UInt16, AMQPError)
    /// The broker confirmed that a channel is closed.
    case channelCloseConfirmed(channel: UInt16)
    case blocked(reason: String)
    case unblocked
}

struct IncomingMessage {
    /// The delivery's number on its channel, from 1.
    var number: UInt64
    var isRedelivered: Bool
    var exchange: String
    var routingKey: String
    var properties: MessageProperties
    var body: DeliveryBody
}

struct ReturnedMessage {
    var replyCode: Int
    var replyText: String
    var exchange: String
    var routingKey: String
    var messageID: String?
}
