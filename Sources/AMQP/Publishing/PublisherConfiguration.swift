/// How a ``Publisher`` publishes.
package struct PublisherConfiguration: Sendable {
    /// How many messages may be in flight, unanswered.
    package var window = 2000
    /// How many messages may wait besides; more are refused at once (``AMQPError/Code/overloaded``).
    package var maximumWaiting = 20_000
    /// How long a message may take, from being handed over to being answered: connecting and a blocked broker included.
    package var timeout: Duration = .seconds(30)
    /// How long what was handed over before the end may still take.
    package var drainTime: Duration = .seconds(5)

    package init() {}
}
