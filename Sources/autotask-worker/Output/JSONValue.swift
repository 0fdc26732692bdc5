import Contract
import Store
import Vault

/// A value of a member in a printed document.
protocol JSONValue {
    var json: JSON { get }
}

extension JSON {
    /// An object with these members, in their order.
    static func members(_ members: KeyValuePairs<String, any JSONValue>) -> JSON {
        var object = JSONObject()
        for (name, value) in members { object[name] = value.json }
        return .object(object)
    }

    /// The members of one object, followed by those of another.
    static func + (left: JSON, right: JSON) -> JSON {
        var object = left.object ?? JSONObject()
        for member in right.object?.members ?? [] { object[member.name] = member.value }
        return .object(object)
    }
}

extension JSON: JSONValue {
    var json: JSON { self }
}

extension JSONObject: JSONValue {
    var json: JSON { .object(self) }
}

extension String: JSONValue {
    var json: JSON { .string(self) }
}

extension Bool: JSONValue {
    var json: JSON { .bool(self) }
}

extension BinaryInteger where Self: JSONValue {
    var json: JSON { JSON(Int64(self)) }
}

extension Int: JSONValue {}
extension Int64: JSONValue {}

extension Optional: JSONValue where Wrapped: JSONValue {
    var json: JSON { self?.json ?? .null }
}

extension Array: JSONValue where Element: JSONValue {
    var json: JSON { .array(map(\.json)) }
}

extension JSONValue where Self: RawRepresentable<String> {
    var json: JSON { .string(rawValue) }
}

extension Product: JSONValue {}
extension JobKind: JSONValue {}
extension EventType: JSONValue {}
extension ErrorCode: JSONValue {}
extension ServiceStatus: JSONValue {}
extension ConnectionRecord.Status: JSONValue {}
extension KeyRing.Use: JSONValue {}

extension JSONValue where Self: CustomStringConvertible {
    var json: JSON { .string(description) }
}

extension Timestamp: JSONValue {}
extension TenantID: JSONValue {}
extension JobID: JSONValue {}

extension JobError: JSONValue {}
extension Zone: JSONValue {}
extension Capabilities: JSONValue {}
