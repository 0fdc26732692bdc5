import Contract
import GRDBSQLite
import Store

/// The current row of a statement. It is valid until the statement moves on.
struct ResultRow {
    private let statement: OpaquePointer

    init(_ statement: OpaquePointer) { self.statement = statement }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    /// A number of things. A damaged one becomes the nearest possible number, so that nothing that is computed from it overflows.
    func count(_ column: Int32) -> Int { Int(min(max(integer(column), 0), Int64(Int32.max))) }

    /// A number that only grows, by one. It is used to order and to identify, so a damaged one cannot be replaced.
    func serial(_ column: Int32) throws -> Int64 {
        let value = integer(column)
        return try known((0...(.max / 2)).contains(value) ? value : nil, column)
    }

    func real(_ column: Int32) -> Double { sqlite3_column_double(statement, column) }

    func bool(_ column: Int32) -> Bool { integer(column) != 0 }

    func moment(_ column: Int32) -> Timestamp { Timestamp(clamping: integer(column)) }

    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(statement, column) else { return "" }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))), as: UTF8.self)
    }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
    }

    /// `nil` for NULL, otherwise the result of `read` for the column.
    func optional<Value>(_ column: Int32, _ read: (Int32) throws -> Value) rethrows -> Value? {
        isNull(column) ? nil : try read(column)
    }

    /// A word of a closed vocabulary.
    func word<Word: RawRepresentable>(_ column: Int32, as type: Word.Type = Word.self) throws -> Word where Word.RawValue == String {
        try known(Word(rawValue: text(column)), column)
    }

    func optionalWord<Word: RawRepresentable>(_ column: Int32, as type: Word.Type = Word.self) throws -> Word?
    where Word.RawValue == String {
        isNull(column) ? nil : try word(column, as: type)
    }

    /// From two columns: tenant and product.
    func lane(_ column: Int32) throws -> Lane {
        Lane(tenant: try known(TenantID(text(column)), column), product: try word(column + 1))
    }

    func jobID(_ column: Int32) throws -> JobID { try known(JobID.stored(text(column)), column) }

    /// A text that `read` understands.
    func read<Value>(_ column: Int32, _ read: (String) throws -> Value?) throws -> Value { try known(try? read(text(column)), column) }

    private func known<Value>(_ value: Value?, _ column: Int32) throws -> Value {
        guard let value else {
            let name = sqlite3_column_name(statement, column).map { String(cString: $0) } ?? "\(column)"
            throw StoreError(
                .corrupt,
                "The store's column \(name) holds an unknown value. Restore the store from a backup."
            )
        }
        return value
    }
}
