package import Contract

/// Where events go. In the product the results exchange, through an adapter in the executable.
package protocol EventSink: Sendable {
    /// Publishes events in their order and waits until the broker has answered for each.
    ///
    /// - Returns: for each event whether it was confirmed. `false` is not final: the event is published again, under the same id.
    func publish(_ events: [OrderedEvent]) async -> [Bool]

    /// Publishes an event if that is possible right now. It is not repeated, and nobody waits for it.
    func offer(_ event: OrderedEvent)
}
