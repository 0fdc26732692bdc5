package import Contract

/// Rows and marks in an export, one per line (`schemas/common/audit-row.json`). They contain everything that their codes cover: a holder of
/// the key can verify them later, without the store.
extension AuditRow {
    package var json: JSON {
        var object: JSONObject = [
            "number": JSON(number), "at": JSON(entry.at.millisecondsSinceEpoch), "action": .string(entry.action),
            "actor": .string(entry.actor),
        ]
        object["tenant"] = JSON(entry.tenant)
        object["product"] = JSON(entry.product)
        object["jobId"] = JSON(entry.jobID)
        object["publisher"] = JSON(entry.publisher)
        object["facts"] = .string(entry.facts)
        object["sealed"] = JSON(entry.sealed.map { Base64URL.encode($0) })
        object["mac"] = .string(Base64URL.encode(mac))
        return .object(object)
    }

    /// Reads back ``json``; `nil` for anything else.
    package init?(_ json: JSON) {
        guard let number = json["number"]?.integer, let at = json["at"]?.integer, let action = json["action"]?.string,
            let actor = json["actor"]?.string, let facts = json["facts"]?.string, let mac = json["mac"]?.string.flatMap(Base64URL.decode),
            let sealed = json["sealed"], sealed == .null || sealed.string.flatMap(Base64URL.decode) != nil
        else { return nil }
        self.init(
            number: number,
            entry: AuditEntry(
                at: Timestamp(millisecondsSinceEpoch: at),
                action: action,
                actor: actor,
                tenant: json["tenant"]?.string,
                product: json["product"]?.string,
                jobID: json["jobId"]?.string,
                publisher: json["publisher"]?.string,
                facts: facts,
                sealed: sealed.string.flatMap(Base64URL.decode)
            ),
            mac: mac
        )
    }
}

extension AuditPlace {
    package var json: JSON { ["number": JSON(number), "mac": .string(Base64URL.encode(mac))] }

    /// Reads a place from ``json``, or from the JSON of a mark or row.
    package init?(_ json: JSON) {
        guard let number = json["number"]?.integer, let mac = json["mac"]?.string.flatMap(Base64URL.decode) else { return nil }
        self.init(number: number, mac: mac)
    }
}

extension AuditMark {
    package var json: JSON {
        [
            "end": .string(end.rawValue), "number": JSON(place.number), "mac": .string(Base64URL.encode(place.mac)),
            "tag": .string(Base64URL.encode(tag)),
        ]
    }

    /// Reads back ``json``; `nil` for anything else.
    package init?(_ json: JSON) {
        guard let end = json["end"]?.string.flatMap(End.init(rawValue:)), let place = AuditPlace(json),
            let tag = json["tag"]?.string.flatMap(Base64URL.decode)
        else { return nil }
        self.init(end: end, place: place, tag: tag)
    }
}

extension JSON {
    fileprivate init(_ text: String?) { self = text.map { .string($0) } ?? .null }
}
