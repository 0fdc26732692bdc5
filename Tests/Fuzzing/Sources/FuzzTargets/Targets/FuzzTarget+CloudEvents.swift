import Contract

extension FuzzTarget {
    /// The job, the number of changes, and the changes; the rest is read as single texts, line by line.
    func checkChangedJob(_ input: inout FuzzInput) throws(PropertyViolation) {
        let (kind, data) = input.pick(FuzzTarget.jobs)
        let flags = input.byte()
        var envelope: JSONObject = [
            "specversion": "1.0", "id": "job-1", "source": "/portal", "type": .string(kind.type), "subject": "msp-1",
            "time": "2026-11-22T08:00:00Z", "expirytime": "2026-11-23T08:00:00.5+01:00", "datacontenttype": "application/json",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ]
        envelope["data"] = flags & 128 == 0 ? data : nil
        envelope["data_base64"] = flags & 128 == 0 ? nil : .string(base64(data.encoded))
        var draft = JSONDraft(.object(envelope))
        for _ in 0..<flags & 7 { draft.change(by: &input) }
        let message = JobMessage(
            routingKey: "\(kind.rawValue).msp-1",
            contentType: flags & 16 == 0 ? nil : "application/cloudevents+json",
            messageID: flags & 32 == 0 ? nil : "job-1",
            type: flags & 64 == 0 ? nil : kind.type,
            body: draft.encoded
        )
        try message.holdProperties(acceptsClearCredentials: flags & 8 != 0)
        for line in input.remainder().split(separator: UInt8(ascii: "\n")) { try holdScalars(in: String(decoding: line, as: UTF8.self)) }
    }

    /// The standard alphabet, without padding.
    private func base64(_ bytes: [UInt8]) -> String {
        String(Base64URL.encode(bytes).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
    }

    private static let service: JSON = [
        "key": "license-monthly", "name": "Datto Workplace", "type": "License", "period": "Monthly", "unitCost": "4.50",
        "unitPrice": "9.00", "billingCodeId": 29_683_001,
    ]

    /// A valid job of each kind.
    private static let jobs: [(JobKind, JSON)] = [
        (.sync, ["planId": "workplace", "revision": 7, "services": [service, ["key": "b", "type": "Storage"]], "retired": ["old"]]),
        (
            .connect,
            [
                "credentials": ["keyId": "portal-1", "enc": "AAAA", "ciphertext": "AAAAAAAAAAAAAAAAAAAAAAAA"],
                "firstConfiguredAt": "2024-01-01T00:00:00Z", "allowDatabaseChange": true, "product": "fileProtection",
            ]
        ),
        (
            .connect,
            [
                "credentials": [
                    "username": .string(Canary.username.text), "secret": .string(Canary.secret.text),
                    "integrationCode": .string(Canary.integrationCode.text),
                ]
            ]
        ),
        (.reset, ["confirm": true, "reason": "no longer used", "product": "workplace"]),
        (.billingCodes, ["refresh": true]),
        (.billingCodes, nil),
        (.preview, ["planId": "workplace", "services": [service]]),
        (.verify, nil),
        (.drift, nil),
    ]
}
