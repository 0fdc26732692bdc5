/// A JSON value without loss: numbers keep their text, objects keep their order.
///
/// Foundation's coders lack two things that the contract needs. Money must never pass through a binary floating point number. The identity
/// of a job is a MAC over its canonical bytes (RFC 8785), including unknown members.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The number's text, exactly as received; it is valid by JSON's grammar.
    case number(String)
    case string(String)
    /// A string with half a surrogate pair, which no `String` can hold: ``string`` is `nil`, so no code uses it as a value.
    ///
    /// - `escaped` is the text between the quotes, as received; `readable` has U+FFFD for each half.
    indirect case brokenString(escaped: String, readable: String)
    case array([JSON])
    case object(JSONObject)
}

/// The members of an object, in their order, with unique names.
package struct JSONObject: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        package var name: String
        package var value: JSON
    }

    package private(set) var members: [Member]

    package init() { members = [] }

    /// - Parameter members: members with unique names.
    init(uniqueMembers members: [Member]) { self.members = members }

    /// The members of another object behind one that has its place first.
    init(first name: String, _ value: JSON, then other: JSONObject) {
        members = []
        members.reserveCapacity(other.members.count + 1)
        members.append(Member(name: name, value: value))
        for member in other.members where member.name != name { members.append(member) }
    }

    package subscript(name: String) -> JSON? {
        get {
            for index in members.indices where members[index].name == name { return members[index].value }
            return nil
        }
        set {
            guard let index = members.firstIndex(where: { $0.name == name }) else {
                guard let newValue else { return }
                if members.isEmpty { members.reserveCapacity(8) }
                members.append(Member(name: name, value: newValue))
                return
            }
            if let newValue { members[index].value = newValue } else { members.remove(at: index) }
        }
    }
}

extension JSON {
    package init(_ value: Int) { self = .number(String(value)) }
    package init(_ value: Int64) { self = .number(String(value)) }

    package var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// A whole number of 64 bits in any spelling: JSON Schema 2020-12 also calls `7.0` and `7e0` integers.
    package var integer: Int64? {
        guard case .number(let text) = self, case .value(let value) = WholeNumber(jsonNumber: text) else { return nil }
        return value
    }

    package var array: [JSON]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    package var object: JSONObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// A member of an object; `nil` if the member is missing, or the value is not an object.
    package subscript(name: String) -> JSON? { object?[name] }

    /// The value without members that are `null`, at every depth: CloudEvents and the contract treat them as absent.
    ///
    /// A `null` element of an array stays, because removing it would move the others.
    package var withoutNullMembers: JSON { hasNullMembers ? removingNullMembers : self }

    private var hasNullMembers: Bool {
        switch self {
        case .object(let object): object.members.indices.contains { object.members[$0].value.isNullOrHasNullMembers }
        case .array(let elements): elements.indices.contains { elements[$0].hasNullMembers }
        default: false
        }
    }

    private var isNullOrHasNullMembers: Bool { isNull || hasNullMembers }

    fileprivate var isNull: Bool {
        if case .null = self { true } else { false }
    }

    fileprivate var removingNullMembers: JSON {
        switch self {
        case .object(let object): .object(object.withoutNullMembers)
        case .array(let elements): .array(elements.map(\.removingNullMembers))
        default: self
        }
    }
}

extension JSONObject {
    fileprivate var withoutNullMembers: JSONObject {
        JSONObject(
            uniqueMembers: members.lazy.filter { !$0.value.isNull }.map { Member(name: $0.name, value: $0.value.removingNullMembers) }
        )
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int) { self = .number(String(value)) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }

    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(JSONObject(dictionaryLiteral: elements))
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) { self.init(dictionaryLiteral: elements) }

    init(dictionaryLiteral elements: [(String, JSON)]) {
        members = elements.map { Member(name: $0.0, value: $0.1) }
    }
}
