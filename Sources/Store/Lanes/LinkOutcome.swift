package import Contract

/// The outcome of ``LaneEffects/link(_:in:under:at:)``.
package enum LinkOutcome: Hashable, Sendable {
    /// The services are linked.
    ///
    /// - Parameter unsettledSince: the latest ``LaneState/unsettledSince`` of another lane; `nil` if none has one. That write may
    ///   concern one of the services.
    case linked(unsettledSince: Timestamp?)
    /// Nothing was recorded: these services are linked elsewhere.
    case taken(Set<Int64>)
}
