import Contract

extension FuzzTarget {
    /// The first byte selects the attributes that follow, each with its length; the rest is the body.
    func checkMessage(_ input: inout FuzzInput) throws(PropertyViolation) {
        let flags = input.byte()
        func given(_ bit: UInt8) -> Bool { flags & bit != 0 }
        let routingKey = given(1) ? input.shortText() : nil
        let contentType = given(2) ? input.shortText() : nil
        let messageID = given(4) ? input.shortText() : nil
        let type = given(8) ? input.shortText() : nil
        let traceparent = given(16) ? input.shortText() : nil
        let size = given(32) ? Int(input.byte()) << 16 : nil
        let body = Canary.plant(in: input.remainder())
        let message = JobMessage(
            routingKey: routingKey ?? JobMessage.fittingRoutingKey(of: body),
            contentType: contentType,
            messageID: messageID,
            type: type,
            traceparent: traceparent,
            body: size == nil ? body : [],
            oversized: size.map { OversizedBody(size: $0, sha256: Array(repeating: 7, count: 32)) }
        )
        try message.holdProperties(acceptsClearCredentials: given(64))
    }
}

extension JobMessage {
    /// The routing key for the type and subject of the body, so that an input gets beyond a wrong one.
    static func fittingRoutingKey(of body: [UInt8]) -> String {
        guard let envelope = try? JSON(parsing: body), let type = envelope["type"]?.string, let tenant = envelope["subject"]?.string else {
            return "sync.msp-1"
        }
        return type.split(separator: ".").last.map { "\($0).\(tenant)" } ?? ""
    }
}
