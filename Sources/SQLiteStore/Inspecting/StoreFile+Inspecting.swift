import GRDB
import GRDBSQLite
import Glibc
import Store

extension StoreFile {
    /// Lends the database to whoever only wants to look at it. Neither the file nor its log is changed, and no other file comes into being.
    ///
    /// Even to read, SQLite makes the files of its log when they are not there. While no program has the store open they are not, and the file
    /// alone is the whole of it: then it is read as one that nobody changes. Should somebody begin to meanwhile, it is read once more.
    ///
    /// - Returns: `nil` when there is no file.
    static func inspect<Value>(_ path: String, _ body: (Database) throws -> Value) throws(StoreError) -> Value? {
        guard access(path, F_OK) == 0 else { return nil }
        do {
            if !hasLog(path), let alone = address(ofUnchanging: path) {
                let outcome = Result { try readOnly(path, address: alone).read(body) }
                if !hasLog(path) { return try outcome.get() }
            }
            return try readOnly(path).read(body)
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static func hasLog(_ path: String) -> Bool { access(path + "-wal", F_OK) == 0 }

    /// `nil` where SQLite does not take addresses for files.
    private static func address(ofUnchanging path: String) -> String? {
        guard sqlite3_compileoption_used("USE_URI") != 0 else { return nil }
        let path = path.reduce(into: "") { text, character in
            switch character {
            case "%": text += "%25"
            case "?": text += "%3f"
            case "#": text += "%23"
            default: text.append(character)
            }
        }
        return "file:\(path)?immutable=1"
    }
}
