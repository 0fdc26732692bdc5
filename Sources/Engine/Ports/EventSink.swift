package import Contract

/// The destination of events. In the product it is the results exchange, through an adapter in the executable.
package protocol EventSink: Sendable {
    /// Publishes events in their order and waits until the broker has answered for each, or no longer can.
    ///
    /// - Returns: the answer for each event. An event that is not ``BrokerAnswer/confirmed`` is published again, under the same id.
    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer]

    /// Publishes an event if that is possible right now. It is not repeated, and the caller does not wait.
    ///
    /// - Parameter answered: called at most once with the answer, on any thread; it must return quickly.
    func offer(_ event: OrderedEvent, answered: @escaping @Sendable (BrokerAnswer) -> Void)
}

/// The broker's answer to a published event.
package enum BrokerAnswer: Hashable, Sendable {
    /// It has taken responsibility for the event.
    case confirmed
    /// It rejected this event: a queue bound to it is full, or there is none. Other queues may have it.
    case refused
    /// It closed the channel over this event, with this reason: the event is too large, or its topic is forbidden.
    case closed(reason: String)
    /// It closed the channel over this event or over another that was under way.
    case suspected
    /// It takes no event at all, with this reason: the exchange is missing, or may not be written to.
    case unavailable(reason: String)
    /// It gave no answer: the connection ended or is blocked. The event may or may not have arrived, and others would get no answer either.
    case missing
}
