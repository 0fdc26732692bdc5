/// An error between this process and RabbitMQ.
package struct AMQPError: Error, CustomStringConvertible, Sendable {
    package enum Code: String, Sendable {
        /// The URL or another setting is not usable. Trying again does not help.
        case invalidConfiguration
        /// No broker answers at the address: it refuses, is unreachable, does not resolve, or is too slow.
        case cannotConnect
        /// The certificate or its host name was rejected, or the TLS handshake failed.
        case tlsFailed
        /// The broker refuses the connection because of the user, the password or the virtual host.
        case accessRefused
        /// The user lacks the right to do this with an exchange or queue (reply code 403 of a channel).
        case notPermitted
        /// The connection ended: by the broker, by the network, by a missed heartbeat or by the watchdog.
        case connectionLost
        /// The broker closed the channel, for example because a queue does not exist or may not be read.
        case channelClosed
        /// The broker closed the channel because of this message, the only one in flight. It will never accept the message unchanged.
        case closedChannel
        /// The broker closed the channel because of this message or another one in flight. This message may have arrived.
        case suspected
        /// The broker cancelled the consumer: its queue was deleted or moved.
        case consumerCancelled
        /// An exchange or queue does not exist (reply code 404).
        case notFound
        /// An exchange or queue exists with another type or other arguments (reply code 406).
        case preconditionFailed
        /// The message is unroutable: no queue is bound for it.
        case returned
        /// The broker refuses the message, for example because a queue is full.
        case nacked
        /// The connection ended before the broker confirmed the message. The message may have arrived.
        case unconfirmed
        /// The message cannot be sent in this form. Nothing was sent.
        case invalidMessage
        /// Nothing was sent, because too many messages are already waiting.
        case overloaded
        /// The broker did not answer in time. A message may have arrived.
        case timedOut
        /// The calling task was cancelled. A message may have arrived.
        case cancelled
        /// The service has ended, or was never started.
        case shutDown
        /// The broker or librabbitmq behaved unexpectedly.
        case unexpected
    }

    package let code: Code
    /// A text that is safe to log: it never has a password or a message's body.
    package let message: String
    /// The broker's reply code, if it sent one.
    package let replyCode: Int?

    package init(_ code: Code, _ message: String, replyCode: Int? = nil) {
        self.code = code
        self.message = message
        self.replyCode = replyCode
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
