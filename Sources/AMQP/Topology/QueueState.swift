/// How it stands with a queue, as any user may ask.
package struct QueueState: Hashable, Sendable {
    /// Messages that wait for a consumer.
    package var ready: Int
    /// Consumers, those that stand by included.
    package var consumers: Int

    package init(ready: Int, consumers: Int) {
        self.ready = ready
        self.consumers = consumers
    }
}
