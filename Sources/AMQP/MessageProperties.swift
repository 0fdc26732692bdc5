/// The properties of a message that the contract uses. A property that is `nil` was not, or is not, sent.
package struct MessageProperties: Sendable {
    package var contentType: String?
    /// 2 for a message that survives a restart of the broker.
    package var deliveryMode: UInt8?
    package var messageID: String?
    package var correlationID: String?
    package var type: String?
    /// The publisher's user. RabbitMQ refuses a user other than the connection's.
    package var userID: String?
    package var appID: String?
    /// Seconds since 1970.
    package var timestamp: UInt64?
    /// The milliseconds, as text, after which a queue expires the message.
    package var expiration: String?
    package var headers: [String: AMQPFieldValue]

    package init(
        contentType: String? = nil,
        deliveryMode: UInt8? = 2,
        messageID: String? = nil,
        correlationID: String? = nil,
        type: String? = nil,
        userID: String? = nil,
        appID: String? = nil,
        timestamp: UInt64? = nil,
        expiration: String? = nil,
        headers: [String: AMQPFieldValue] = [:]
    ) {
        self.contentType = contentType
        self.deliveryMode = deliveryMode
        self.messageID = messageID
        self.correlationID = correlationID
        self.type = type
        self.userID = userID
        self.appID = appID
        self.timestamp = timestamp
        self.expiration = expiration
        self.headers = headers
    }
}
