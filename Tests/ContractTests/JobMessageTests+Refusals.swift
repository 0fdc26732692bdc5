import Testing

@testable import Contract

/// Refused messages, and the text of their refusals.
extension JobMessageTests {
    /// Every way in which this suite breaks a message.
    private static let refused: [JobMessage] = {
        var other = message()
        other.messageID = "another"
        var type = message()
        type.type = "autotask.job.sync"
        var content = message()
        content.contentType = "text/plain"
        var expiring = message()
        expiring.expiration = "1"
        var copied = message()
        copied.isCopied = true
        var binary = message()
        binary.body = []
        binary.contentType = "application/json"
        binary.binaryAttributes = ["specversion": "1.0", "id": "job-1", "type": "autotask.job.reset", "subject": "msp-4711"]
        var unreadable = JobMessage(routingKey: "reset.msp-4711", messageID: "job-1", type: "autotask.job.reset", body: Array("{".utf8))
        let cut = unreadable
        unreadable.body = Array("[]".utf8)
        let list = unreadable
        unreadable.oversized = OversizedBody(size: 2 << 20, sha256: [1])
        let keys = (0...10_000).map { JSON.string("old-\($0)") }
        func plan(_ members: JSONObject) -> JobMessage {
            var data: JSONObject = ["planId": "p", "services": [.object(service)]]
            for member in members.members { data[member.name] = member.value }
            return sync(data)
        }
        let envelopes: [JobMessage] = [
            other, type, content, expiring, copied, binary, cut, list, unreadable, message(routingKey: "sync.msp-4711"),
            message(type: "autotask.job.Reset"), message(data: nil), message(data: ["confirm": 1]), message(data: "text"),
            message(data: ["confirm": true, "product": "other"]), message(extra: ["specversion": "0.3"]), message(extra: ["source": ""]),
            message(extra: ["expirytime": "tomorrow"]), message(extra: ["datacontenttype": "json"]),
            message(extra: ["data_base64": "e30="]), message(data: nil, extra: ["data_base64": "aGVsbG8="]),
            message(data: nil, extra: ["data_base64": "e30=", "datacontenttype": "application/xml"]),
            connect(["username": "u", "secret": "s"]), connect(["keyId": "", "enc": "AA", "ciphertext": "AA"]),
            connect(["keyId": "k", "enc": "=", "ciphertext": "AA"]),
        ]
        let never = message(
            type: "autotask.job.connect",
            data: ["credentials": ["keyId": "k", "enc": "AA", "ciphertext": "AA"], "firstConfiguredAt": "0001-01-01T00:00:00Z"],
            routingKey: "connect.msp-4711"
        )
        let many: JSON = .array(Array(repeating: JSON.object(service), count: 1001))
        let plans: [JobMessage] = [
            plan(["services": []]), plan(["services": many]),
            plan(["services": [.object(service), .object(service)]]), plan(["planId": " "]), plan(["retired": .array(keys)]),
            plan(["retired": ["license-monthly"]]), plan(["retired": [1]]), plan(["acknowledge": .array(keys)]), plan(["acknowledge": [1]]),
            plan(["acknowledgeRequired": ["none"]]), plan(["adopt": ["gone": 1]]), plan(["adopt": ["license-monthly": "1"]]),
        ]
        return envelopes + plans + [never]
    }()

    @Test(arguments: refused.indices) func `every refusal says to send the corrected message under a new id`(index: Int) throws {
        let error = try #require(refusal(of: Self.refused[index]))
        #expect(error.hint.contains("new id") && error.hint.hasSuffix("."), "\(error) \(error.hint)")
        #expect(error.message.utf8.count <= 300 && error.hint.utf8.count <= 1000 && (error.field?.utf8.count ?? 0) <= 128)
    }

    @Test func `AMQP properties that disagree with the envelope are refused`() {
        var message = Self.message()
        message.messageID = "another"
        #expect(refusal(of: message)?.field == "message_id")
        message = Self.message()
        message.type = "autotask.job.sync"
        #expect(refusal(of: message)?.field == "type")
        message = Self.message()
        message.contentType = "text/plain"
        #expect(refusal(of: message)?.field == "content_type")
    }

    @Test(arguments: [nil, ["confirm": false], ["confirm": "true"], [:]] as [JSON?])
    func `a reset that is not confirmed is refused`(data: JSON?) {
        #expect(refusal(of: Self.message(data: data))?.code == .resetNotConfirmed)
    }

    @Test(arguments: ["dance", "ticket.create", "Sync"])
    func `an unknown kind is not supported`(kind: String) {
        #expect(refusal(of: Self.message(type: "autotask.job.\(kind)", data: [:], routingKey: "\(kind).msp-4711"))?.code == .notSupported)
    }

    @Test(
        arguments: [
            ("Reset", #""autotask.job.Reset""#), ("reset.v1", #""autotask.job.reset.v1""#), ("reset ", #""autotask.job.reset ""#),
            ("re\u{1B}\u{202E}", #""autotask.job.re\u{1B}\u{202E}""#),
            (String(repeating: "x", count: 100), "\"autotask.job.\(String(repeating: "x", count: 51))...\" (113 bytes)"),
        ]
    )
    func `an unknown type is named, with the known types`(kind: String, shown: String) throws {
        let error = try #require(refusal(of: Self.message(type: "autotask.job.\(kind)")))
        #expect(error.message == "There is no job of type \(shown)." && error.field == "type")
        for kind in JobKind.allCases { #expect(error.hint.contains(kind.type)) }
    }

    @Test(
        arguments: [
            (5, "a number"), ("", "an empty string"), ("json", #""json""#),
            ("Text/Plain; charset=\"latin1\"", #""text/plain; charset=latin1""#),
            ("no media type/", "a string that is no media type"), (["application/json"], "an array"),
        ] as [(JSON, String)]
    )
    func `a wrong datacontenttype is named`(value: JSON, came: String) {
        let error = refusal(of: Self.message(extra: ["datacontenttype": value]))
        #expect(error?.message == "datacontenttype: expected application/json in UTF-8, got \(came).")
        guard let text = value.string, !text.isEmpty else { return }
        var message = Self.message()
        message.contentType = text
        #expect(
            refusal(of: message)?.message
                == "The property content_type is \(came); expected application/cloudevents+json in UTF-8."
        )
    }

    @Test(
        arguments: [
            ("", "an empty string"), ("   ", "a blank string"), ("a\nb", "a string with a control character"),
            (String(repeating: "x", count: 129), "a string of 129 characters"),
        ]
    )
    func `an error names the fault of a plan's id`(id: String, came: String) {
        let error = refusal(of: Self.sync(["planId": .string(id), "services": [.object(Self.service)]]))
        #expect(error?.message.hasPrefix("data.planId: expected ") == true && error?.message.hasSuffix(", got \(came).") == true)
    }

    @Test(
        arguments: [
            ("retired", ["a", "b", 7], "data.retired[2]", "a number"), ("retired", ["a b"], "data.retired[0]", "a string"),
            ("acknowledge", ["price_changed", "Price"], "data.acknowledge[1]", "a string"),
            ("acknowledgeRequired", ["price_changed", nil], "data.acknowledgeRequired[1]", "null"),
            ("adopt", ["license-monthly": true], "data.adopt.license-monthly", "a boolean"),
            ("adopt", ["license-monthly": -1], "data.adopt.license-monthly", "a number that is not positive"),
        ] as [(String, JSON, String, String)]
    )
    func `a wrong element is named, with the expected type`(member: String, value: JSON, element: String, came: String) throws {
        let error = try #require(refusal(of: Self.sync(["planId": "p", "services": [.object(Self.service)], member: value])))
        #expect(error.message.hasPrefix("\(element): expected ") && error.message.hasSuffix(", got \(came)."))
        #expect(error.hint.hasPrefix("Send \(element) as "))
        #expect(error.field == (member == "adopt" ? "data.adopt" : element))
        #expect(error.serviceKey == (member == "adopt" ? "license-monthly" : nil))
    }

    @Test(arguments: [(1, "a number"), ("true", "a string"), ([:], "an object")] as [(JSON, String)])
    func `a confirmation of another type confirms nothing, and is named`(value: JSON, came: String) {
        let error = refusal(of: Self.message(data: ["confirm": value]))
        #expect(error?.code == .resetNotConfirmed && error?.field == "data.confirm")
        #expect(error?.message == "Confirm the reset first. data.confirm: expected true, got \(came).")
    }

    @Test(arguments: ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999Z"])
    func `a first configuration before the product existed is the portal's mistake`(text: String) throws {
        func connect(_ text: String) -> JobMessage {
            Self.message(
                type: "autotask.job.connect",
                data: ["credentials": ["keyId": "k", "enc": "AA", "ciphertext": "AA"], "firstConfiguredAt": .string(text)],
                routingKey: "connect.msp-4711"
            )
        }
        let moment = try #require(Timestamp(text))
        let error = try #require(refusal(of: connect(text)))
        #expect(error.code == .jobInvalid && error.fixableBy == .portal && error.field == "data.firstConfiguredAt")
        #expect(error.message.contains(", got \(moment).") && error.message.contains("never set"))
        #expect(decodedJob(of: connect("2000-01-01T00:00:00Z")) != nil)
    }
}
