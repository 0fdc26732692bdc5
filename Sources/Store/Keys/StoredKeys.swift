package import Contract

/// What the store holds that is sealed, by the keys that it is sealed under.
package protocol StoredKeys: Sendable {
    /// How much is sealed under each key, by its name (``SealedForm``).
    func keyUses() async throws(StoreError) -> [String: KeyUse]

    /// Wraps the credentials keys of some lanes again, as one transaction.
    ///
    /// - Parameters:
    ///   - lane: go on behind it; `nil` from the beginning.
    ///   - limit: how many lanes at most.
    ///   - rewrap: what a key is wrapped as from now on; `nil` for one that stays as it is.
    func rewrapKeys(
        after lane: Lane?,
        limit: Int,
        _ rewrap: @escaping @Sendable (Lane, _ wrappedKey: [UInt8]) -> [UInt8]?
    ) async throws(StoreError) -> RewrapStep

    /// Ends a key, if nothing is sealed under it: from now on nothing that is gets in any more (``StoreError/Code/keyRetired``), whoever
    /// still has the key in memory. It may be called again.
    ///
    /// - Returns: what is sealed under it; if there is anything, nothing was changed.
    func retireKey(_ id: String, at now: Timestamp) async throws(StoreError) -> KeyUse
}
