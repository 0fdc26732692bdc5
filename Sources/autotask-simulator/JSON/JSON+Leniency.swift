import Contract

/// JSON as .NET reads it, which is more lenient than the contract.
///
/// The grammar is the worker's (`Contract.JSON`), which is fuzzed and tested against RFC 8259. The simulator's checks are its own: names,
/// types, lengths, and amounts (``MoneyValue``).
extension JSON {
    /// The member of that name in any letter case: Autotask's own examples have `Filter` and `filter`.
    func member(_ name: String) -> JSON? {
        self[name] ?? object?.members.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// A whole number, or a text with one.
    var wholeNumber: Int64? {
        switch self {
        case .number(let text), .string(let text): Int64(text)
        default: nil
        }
    }

    static func integer(_ value: some BinaryInteger) -> JSON { .number(String(value)) }
}
