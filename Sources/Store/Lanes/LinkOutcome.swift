package import Contract

/// What came of ``LaneEffects/link(_:in:under:at:)``.
package enum LinkOutcome: Hashable, Sendable {
    /// The services are linked.
    ///
    /// - Parameter unsettledSince: when another lane was last reset, or connected to another database, with a write under way whose answer was
    ///   lost; `nil` if none was. What it wrote is not known any more: it may have been one of the services.
    case linked(unsettledSince: Timestamp?)
    /// Nothing was recorded: these are linked elsewhere.
    case taken(Set<Int64>)
}
