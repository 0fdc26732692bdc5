import CRabbitMQ

/// The library that the program runs with.
package enum LibRabbitMQ {
    /// Its version, `0.11.0`.
    package static var version: String { String(cString: amqp_version()) }
}
