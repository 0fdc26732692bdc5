import Contract

extension JSON {
    /// Checks the properties that the contract relies on: the value's text and canonical text are read back as the same value.
    func holdProperties() throws(PropertyViolation) {
        let text = encoded
        let again = try hold(try? JSON(parsing: text), "what is encoded parses")
        try hold(again.encoded == text, "encoding is stable")
        let canonicalText = canonical
        try hold(again.canonical == canonicalText, "the canonical form does not depend on how the text was written")
        let canonicalValue = try hold(try? JSON(parsing: canonicalText), "the canonical form parses")
        try hold(canonicalValue.canonical == canonicalText, "the canonical form of the canonical form is itself")
        try hold(reversed.canonical == canonicalText, "the canonical form does not depend on the order of members")
    }

    /// The value with the members of each object in the opposite order.
    var reversed: JSON {
        switch self {
        case .null, .bool, .number, .string, .brokenString: return self
        case .array(let elements): return .array(elements.map(\.reversed))
        case .object(let object):
            var members = JSONObject()
            for member in object.members.reversed() { members[member.name] = member.value.reversed }
            return .object(members)
        }
    }

    /// Checks each number's canonical text against the number as a double.
    func holdNumbers() throws(PropertyViolation) {
        switch self {
        case .number(let text):
            let canonicalText = String(decoding: JSON.number(text).canonical, as: UTF8.self)
            guard let value = Double(text), value.isFinite else { return try hold(canonicalText == text, "a huge number keeps its text") }
            try hold(Double(canonicalText) == value, "a canonical number is the same double")
        case .array(let elements): for element in elements { try element.holdNumbers() }
        case .object(let object): for member in object.members { try member.value.holdNumbers() }
        case .null, .bool, .string, .brokenString: break
        }
    }
}
