package import Contract

/// The sealed contents of the store, by the keys that seal them.
package protocol StoredKeys: Sendable {
    /// Counts what is sealed under each key, by the key's name (``SealedForm``).
    func keyUses() async throws(StoreError) -> [String: KeyUse]

    /// Wraps the credentials keys of some lanes again, as one transaction.
    ///
    /// - Parameters:
    ///   - lane: the lane to continue after; `nil` for the beginning.
    ///   - limit: the maximum number of lanes.
    ///   - rewrap: returns the new form of a wrapped key; `nil` to keep the old one.
    func rewrapKeys(
        after lane: Lane?,
        limit: Int,
        _ rewrap: @escaping @Sendable (Lane, _ wrappedKey: [UInt8]) -> [UInt8]?
    ) async throws(StoreError) -> RewrapStep

    /// Retires a key if nothing is sealed under it. The store then refuses anything sealed under it (``StoreError/Code/keyRetired``), even from
    /// a process that still has the key in memory. It may be called again.
    ///
    /// - Returns: what is sealed under the key. If there is anything, nothing was changed.
    func retireKey(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyUse
}
