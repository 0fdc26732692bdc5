/// The state of a queue, which any user may ask for.
package struct QueueState: Hashable, Sendable {
    /// The number of messages that wait for a consumer.
    package var ready: Int
    /// The number of consumers, including those on standby.
    package var consumers: Int

    package init(ready: Int, consumers: Int) {
        self.ready = ready
        self.consumers = consumers
    }
}
