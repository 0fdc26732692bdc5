import Contract

/// JSON as .NET's reader takes it, more leniently than the contract.
///
/// The grammar is the worker's own (`Contract.JSON`), which is fuzzed and held to RFC 8259 by its tests. What the simulator judges by is its
/// own: names, types, lengths, and amounts (``MoneyValue``).
extension JSON {
    /// The member of that name, in any letter case: Autotask's own examples write `Filter` and `filter`.
    func member(_ name: String) -> JSON? {
        self[name] ?? object?.members.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// A whole number, also as the text of one.
    var wholeNumber: Int64? {
        switch self {
        case .number(let text), .string(let text): Int64(text)
        default: nil
        }
    }

    static func integer(_ value: some BinaryInteger) -> JSON { .number(String(value)) }
}
