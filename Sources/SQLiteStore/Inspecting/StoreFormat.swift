package import Store

/// The format of the store in a file. A store of a newer program is an error.
package enum StoreFormat: Sendable {
    /// There is no file, or it is empty: the next run of a worker makes the store.
    case none
    /// The next run of a worker brings it up to date.
    case older
    case current

    /// Reads the format of a file without changing it.
    ///
    /// - Throws: ``StoreError``: `corrupt` for a file that is not a store, `newerSchema`, `unavailable`.
    package static func look(at path: String) async throws(StoreError) -> StoreFormat {
        try await StoreThread.run { () throws(StoreError) in
            try StoreFile.inspect(path) { try StoreFile.check($0, of: path, mayBeEmpty: true) } ?? .none
        }
    }
}
