import CRabbitMQ
import Crypto

/// A message whose frames are arriving: method, header, body. Frames of different channels may alternate, so each channel has its own.
struct IncomingContent {
    enum Origin {
        case delivery(number: UInt64, isRedelivered: Bool)
        case returned(replyCode: Int, replyText: String)
    }

    private let origin: Origin
    private let exchange: String
    private let routingKey: String
    private var properties = MessageProperties(deliveryMode: nil)
    private var size = 0
    private var received = 0
    private var body: [UInt8] = []
    /// The running digest of a body that is too large to keep.
    private var digest: SHA256?

    init(_ method: amqp_basic_deliver_t) {
        origin = .delivery(number: method.delivery_tag, isRedelivered: method.redelivered != 0)
        exchange = method.exchange.string
        routingKey = method.routing_key.string
    }

    init(_ method: amqp_basic_return_t) {
        origin = .returned(replyCode: Int(method.reply_code), replyText: method.reply_text.string)
        exchange = method.exchange.string
        routingKey = method.routing_key.string
    }

    /// - Parameter limit: the maximum size of a body to keep; of a larger one, only size and digest are kept.
    /// - Returns: the message, if it is complete because it has no body.
    mutating func header(size: UInt64, properties: amqp_basic_properties_t, limit: Int, channel: UInt16) -> Inbound? {
        self.size = Int(clamping: size)
        self.properties = MessageProperties(properties)
        if self.size > limit {
            digest = SHA256()
        } else {
            body.reserveCapacity(self.size)
        }
        return self.size == 0 ? message(channel) : nil
    }

    /// - Returns: the message, if this was the last fragment.
    mutating func fragment(_ bytes: UnsafeRawBufferPointer, channel: UInt16) -> Inbound? {
        received += bytes.count
        if digest != nil {
            digest?.update(bufferPointer: bytes)
        } else {
            body.append(contentsOf: bytes)
        }
        return received >= size ? message(channel) : nil
    }

    private func message(_ channel: UInt16) -> Inbound {
        switch origin {
        case .delivery(let number, let isRedelivered):
            let body: DeliveryBody = digest.map { .oversized(size: size, sha256: Array($0.finalize())) } ?? .bytes(self.body)
            return .delivery(
                IncomingMessage(
                    number: number,
                    isRedelivered: isRedelivered,
                    exchange: exchange,
                    routingKey: routingKey,
                    properties: properties,
                    body: body
                ),
                channel: channel
            )
        case .returned(let replyCode, let replyText):
            return .returned(
                ReturnedMessage(
                    replyCode: replyCode,
                    replyText: replyText,
                    exchange: exchange,
                    routingKey: routingKey,
                    messageID: properties.messageID
                ),
                channel: channel
            )
        }
    }
}

extension MessageProperties {
    /// Copies the properties out of librabbitmq's memory.
    init(_ properties: amqp_basic_properties_t) {
        func has(_ flag: Int32) -> Bool { properties._flags & amqp_flags_t(flag) != 0 }
        self.init(
            contentType: has(AMQP_BASIC_CONTENT_TYPE_FLAG) ? properties.content_type.string : nil,
            deliveryMode: has(AMQP_BASIC_DELIVERY_MODE_FLAG) ? properties.delivery_mode : nil,
            messageID: has(AMQP_BASIC_MESSAGE_ID_FLAG) ? properties.message_id.string : nil,
            correlationID: has(AMQP_BASIC_CORRELATION_ID_FLAG) ? properties.correlation_id.string : nil,
            type: has(AMQP_BASIC_TYPE_FLAG) ? properties.type.string : nil,
            userID: has(AMQP_BASIC_USER_ID_FLAG) ? properties.user_id.string : nil,
            appID: has(AMQP_BASIC_APP_ID_FLAG) ? properties.app_id.string : nil,
            timestamp: has(AMQP_BASIC_TIMESTAMP_FLAG) ? properties.timestamp : nil,
            expiration: has(AMQP_BASIC_EXPIRATION_FLAG) ? properties.expiration.string : nil,
            headers: has(AMQP_BASIC_HEADERS_FLAG) ? [String: AMQPFieldValue](properties.headers) : [:]
        )
    }
}
