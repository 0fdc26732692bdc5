import Contract

/// Writes the JSON of a request directly as bytes, so that an amount keeps its own text.
struct RequestBody {
    private var bytes: [UInt8] = []

    init() {
        bytes.reserveCapacity(256)
    }

    /// The object with all its members.
    var finished: [UInt8] { bytes + [UInt8(ascii: "}")] }

    mutating func member(_ name: String, _ value: FieldValue) {
        bytes.append(contentsOf: (bytes.isEmpty ? "{\"" : ",\"").utf8)
        bytes.append(contentsOf: name.utf8)
        bytes.append(contentsOf: "\":".utf8)
        if case .text(let text) = value {
            JSON.append(quoted: text, to: &bytes)
        } else {
            bytes.append(contentsOf: value.description.utf8)
        }
    }
}

extension RequestBody {
    /// A filter that matches any of the conditions.
    ///
    /// Each condition is a separate `eq`, the form that is known to work for texts and numbers.
    static func filter(anyOf conditions: ArraySlice<QueryCondition>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32 + conditions.count * 64)
        bytes.append(contentsOf: #"{"op":"or","items":["#.utf8)
        var isFirst = true
        for condition in conditions {
            bytes.append(contentsOf: (isFirst ? #"{"op":"eq","field":""# : #",{"op":"eq","field":""#).utf8)
            isFirst = false
            bytes.append(contentsOf: condition.field.utf8)
            bytes.append(contentsOf: #"","value":"#.utf8)
            condition.value.append(to: &bytes)
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(contentsOf: "]}".utf8)
        return bytes
    }

    /// A query for one page.
    ///
    /// - Parameters:
    ///   - fields: a JSON array of names.
    ///   - last: the last id of the previous page.
    static func query(fields: String, filter: [UInt8], after last: Int64?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(128 + fields.utf8.count + filter.count)
        bytes.append(contentsOf: #"{"MaxRecords":500,"IncludeFields":"#.utf8)
        bytes.append(contentsOf: fields.utf8)
        bytes.append(contentsOf: #","Filter":["#.utf8)
        if let last {
            bytes.append(contentsOf: #"{"op":"gt","field":"id","value":"#.utf8)
            bytes.append(contentsOf: String(last).utf8)
            bytes.append(contentsOf: "},".utf8)
        }
        bytes.append(contentsOf: filter)
        bytes.append(contentsOf: "]}".utf8)
        return bytes
    }
}
