package import Contract

/// Where events go. In the product the results exchange, through an adapter in the executable.
package protocol EventSink: Sendable {
    /// Publishes events in their order and waits until the broker has answered for each, or cannot any more.
    ///
    /// - Returns: the answer for each event. Whatever is not ``BrokerAnswer/confirmed`` is published again, under the same id.
    func publish(_ events: [OrderedEvent]) async -> [BrokerAnswer]

    /// Publishes an event if that is possible right now. It is not repeated, and nobody waits for it.
    ///
    /// - Parameter answered: called at most once with the answer, on any thread; it must return quickly.
    func offer(_ event: OrderedEvent, answered: @escaping @Sendable (BrokerAnswer) -> Void)
}

/// What the broker says of an event that was published.
package enum BrokerAnswer: Hashable, Sendable {
    /// It has taken responsibility for the event.
    case confirmed
    /// It said no to this very event: a queue that it belongs in has no room for it, or there is none. Other queues may have it.
    case refused
    /// It closed the channel over this very event, with this reason: the event is too large, or its topic is forbidden.
    case closed(reason: String)
    /// It closed the channel over this event or over another that was under way.
    case suspected
    /// It takes no event at all, with this reason: the exchange is missing, or may not be written to.
    case unavailable(reason: String)
    /// It said nothing: the connection ended, or takes nothing. The event may have arrived or not, and with others it would be the same.
    case missing
}
