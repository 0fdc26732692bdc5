package import Store

/// What kind of store a file holds, as far as this program understands it: what a newer one wrote is an error.
package enum StoreFormat: Sendable {
    /// There is no file, or nothing in it: the next run of a worker makes the store.
    case none
    /// The next run of a worker brings it up to date.
    case older
    case current

    /// Looks at a file, without a change to it.
    ///
    /// - Throws: ``StoreError``: `corrupt` for a file that is none of the worker's, `newerSchema`, `unavailable`.
    package static func look(at path: String) async throws(StoreError) -> StoreFormat {
        try await StoreThread.run { () throws(StoreError) in
            try StoreFile.inspect(path) { try StoreFile.check($0, of: path, mayBeEmpty: true) } ?? .none
        }
    }
}
