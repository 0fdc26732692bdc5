/// What went wrong between this process and RabbitMQ.
package struct AMQPError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// The URL or another setting cannot be used as it stands. Trying again does not help.
        case invalidConfiguration
        /// Nobody answers at the address: refused, unreachable, unresolved, or not in time.
        case cannotConnect
        /// The certificate, the host name in it, or the TLS handshake was not acceptable.
        case tlsFailed
        /// The broker does not accept the user, the password, or the virtual host: it refuses the connection.
        case accessRefused
        /// The user lacks the right to do this with an exchange or queue (reply code 403 of a channel).
        case notPermitted
        /// The connection ended: by the broker, by the network, by a missed heartbeat or by the watchdog.
        case connectionLost
        /// The broker closed the channel, for example because a queue does not exist or may not be read.
        case channelClosed
        /// The broker closed the channel over this message and gave a reason: no other was under way. It never accepts it unchanged.
        case closedChannel
        /// The broker closed the channel over this message or over another that was under way. It may have arrived or not.
        case suspected
        /// The broker cancelled the consumer: its queue was deleted or moved.
        case consumerCancelled
        /// An exchange or queue is not there (reply code 404).
        case notFound
        /// An exchange or queue is there with another type or other arguments (reply code 406).
        case preconditionFailed
        /// The message was unroutable: no queue is bound for it.
        case returned
        /// The broker refuses to take responsibility for the message, for example because a queue is full.
        case nacked
        /// The connection ended before the broker had answered for the message: it may have arrived or not.
        case unconfirmed
        /// The message cannot be sent as it is; nothing was sent.
        case invalidMessage
        /// Nothing was sent, because too many messages wait already.
        case overloaded
        /// The broker did not answer in time. A message may have arrived or not.
        case timedOut
        /// The calling task was cancelled. A message may have arrived or not.
        case cancelled
        /// The service has ended, or was never started.
        case shutDown
        /// The broker or librabbitmq did something that is not expected of them.
        case unexpected
    }

    package let code: Code
    /// Safe to log: never a password or a message's body.
    package let message: String
    /// The broker's reply code, where it sent one.
    package let replyCode: Int?

    package init(_ code: Code, _ message: String, replyCode: Int? = nil) {
        self.code = code
        self.message = message
        self.replyCode = replyCode
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
