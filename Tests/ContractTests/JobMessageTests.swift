import Testing

@testable import Contract

@Suite("Job messages")
struct JobMessageTests {
    static func message(
        type: String = "autotask.job.reset",
        subject: JSON = "msp-4711",
        id: JSON = "job-1",
        data: JSON? = ["confirm": true],
        routingKey: String = "reset.msp-4711",
        extra: JSONObject = [:]
    ) -> JobMessage {
        var envelope: JSONObject = ["specversion": "1.0", "source": "/portal", "type": .string(type), "subject": subject, "id": id]
        envelope["data"] = data
        for member in extra.members { envelope[member.name] = member.value }
        return JobMessage(routingKey: routingKey, contentType: "application/cloudevents+json", body: JSON.object(envelope).encoded)
    }

    static func sync(_ data: JSONObject) -> JobMessage {
        message(type: "autotask.job.sync", data: .object(data), routingKey: "sync.msp-4711")
    }

    static let service: JSONObject = [
        "key": "license-monthly", "name": "License", "type": "License", "period": "Monthly", "unitCost": "4.50", "unitPrice": "9.00",
        "billingCodeId": 29_683_001,
    ]

    static func service(_ name: String, _ value: JSON?) -> JSON {
        var service = service
        service[name] = value
        return .object(service)
    }

    func refusal(of message: JobMessage, development: Bool = false) -> JobError? {
        guard case .refused(_, let error) = message.decoded(acceptsClearCredentials: development) else { return nil }
        return error
    }

    func decodedJob(of message: JobMessage, development: Bool = false) -> Job? {
        guard case .job(let job) = message.decoded(acceptsClearCredentials: development) else { return nil }
        return job
    }

    @Test func `a valid job is read completely`() throws {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let job = try #require(
            decodedJob(
                of: Self.message(extra: [
                    "time": "2026-11-22T08:00:00Z", "expirytime": "2026-11-22T09:00:00Z", "traceparent": .string(trace), "unknown": 1,
                ])
            )
        )
        #expect(job.id == JobID("job-1") && job.lane == Lane(tenant: TenantID("msp-4711")!, product: .workplace))
        #expect(job.time == Timestamp("2026-11-22T08:00:00Z") && job.expiry == Timestamp("2026-11-22T09:00:00Z"))
        #expect(job.traceparent == trace && job.kind == .reset)
    }

    @Test func `an attribute or member that is null counts as absent, at every depth`() throws {
        let nulls: JSONObject = [
            "time": nil, "expirytime": nil, "datacontenttype": nil, "dataschema": nil, "traceparent": nil, "data_base64": nil, "mine": nil,
        ]
        let reset = try #require(
            decodedJob(of: Self.message(data: ["confirm": true, "product": nil, "reason": nil], extra: nulls))
        )
        #expect(reset.lane.product == .workplace && reset.expiry == nil)
        if case .reset(let payload) = reset.payload { #expect(payload.reason == nil) } else { Issue.record("It is not a reset.") }
        _ = try #require(
            decodedJob(of: Self.message(type: "autotask.job.verify", data: .null, routingKey: "verify.msp-4711", extra: nulls))
        )

        var plan: JSONObject = [
            "planId": "p", "product": nil, "revision": nil, "retired": nil, "acknowledge": nil, "previewId": nil,
            "adopt": ["license-monthly": nil, "gone": nil],
        ]
        plan["services"] = [
            ["key": "k", "type": "Server", "name": nil, "period": nil, "unitCost": nil, "unitPrice": nil, "billingCodeId": nil]
        ]
        let sync = try #require(decodedJob(of: Self.sync(plan))?.payload.syncPayload)
        #expect(sync.revision == nil && sync.retired.isEmpty && sync.adopted.isEmpty && sync.acknowledged.isEmpty && sync.previewID == nil)
        #expect(sync.services[0].unitPrice == .missing && sync.services[0].billingCodeID == .missing && sync.services[0].name.isEmpty)

        let connect = Self.message(
            type: "autotask.job.connect",
            data: [
                "credentials": ["username": nil, "secret": nil, "integrationCode": nil, "keyId": "k", "enc": "AA", "ciphertext": "AA"],
                "firstConfiguredAt": nil, "allowDatabaseChange": nil,
            ],
            routingKey: "connect.msp-4711"
        )
        guard case .connect(let payload) = try #require(decodedJob(of: connect)).payload, case .sealed = payload.credentials else {
            Issue.record("the credentials were not read as sealed ones")
            return
        }
        #expect(payload.firstConfiguredAt == nil && !payload.allowDatabaseChange)
    }

    static func connect(_ credentials: JSON) -> JobMessage {
        message(type: "autotask.job.connect", data: ["credentials": credentials], routingKey: "connect.msp-4711")
    }

    @Test(
        arguments: [
            (message(extra: ["specversion": nil]), "specversion"), (message(extra: ["source": nil]), "source"),
            (message(type: "autotask.job.sync", data: .null, routingKey: "sync.msp-4711"), "data"),
            (sync(["planId": nil, "services": [.object(service)]]), "data.planId"),
            (sync(["planId": "p", "services": nil]), "data.services"),
            (sync(["planId": "p", "services": [service("key", .null)]]), "data.services[0].key"),
            (sync(["planId": "p", "services": [service("type", .null)]]), "data.services[0].type"),
            (connect(nil), "data.credentials"), (connect(["keyId": nil, "enc": "AA", "ciphertext": "AA"]), "data.credentials.keyId"),
            (connect(["keyId": "k", "enc": nil, "ciphertext": "AA"]), "data.credentials.enc"),
        ] as [(JobMessage, String)]
    )
    func `a required member that is null is missing, and is named`(message: JobMessage, field: String) {
        let error = refusal(of: message)
        #expect(error?.code == .jobInvalid && error?.field == field)
        #expect(error?.message.hasPrefix("\(field) is missing: ") == true)
    }

    @Test(arguments: ["subject", "id", "type"]) func `a missing attribute is named if the AMQP properties identify the job`(name: String) {
        var message = Self.message(extra: [name: nil])
        message.messageID = "job-1"
        message.type = "autotask.job.reset"
        let error = refusal(of: message)
        #expect(error?.field == name && error?.message.contains("\(name) is missing: ") == true)
    }

    @Test(arguments: ["7", "7.0", "7e0", "0.7E+1", "70e-1", "7.000000000000000000000"])
    func `an integer is recognised however it is written`(number: String) throws {
        let plan: JSONObject = [
            "planId": "p", "revision": .number(number), "services": [Self.service("billingCodeId", .number(number))],
            "adopt": ["license-monthly": .number(number)],
        ]
        let sync = try #require(decodedJob(of: Self.sync(plan))?.payload.syncPayload)
        #expect(sync.revision == 7 && sync.services[0].billingCodeID == .value(7) && sync.adopted == ["license-monthly": 7])
    }

    @Test(
        arguments: [
            ("7.5", "a number with a fraction"), ("1e-999999999999999999999", "a number with a fraction"),
            ("9223372036854775808", "a number beyond 64 bits"), ("-9223372036854775809", "a number beyond 64 bits"),
            ("1e19", "a number beyond 64 bits"), ("1e999999999999999999999", "a number beyond 64 bits"),
        ]
    )
    func `a number that is not a 64-bit integer is refused, and described correctly`(number: String, came: String) {
        for (data, field) in [
            (["planId": "p", "revision": .number(number), "services": [.object(Self.service)]], "data.revision"),
            (["planId": "p", "services": [Self.service("billingCodeId", .number(number))]], "data.services[0].billingCodeId"),
        ] as [(JSONObject, String)] {
            let error = refusal(of: Self.sync(data))
            #expect(error?.field == field && error?.message == "\(field): expected an integer of 64 bits, got \(came).")
        }
    }

    @Test(
        arguments: [
            (service("unitPrice", 9), "unitPrice", "a number"),
            (service("unitPrice", .number("9.90")), "unitPrice", "a number with a fraction"),
            (service("unitCost", true), "unitCost", "a boolean"), (service("billingCodeId", "29683001"), "billingCodeId", "a string"),
            (service("billingCodeId", ""), "billingCodeId", "an empty string"), (service("name", 7), "name", "a number"),
            (service("name", ["a"]), "name", "an array"), (service("period", [:]), "period", "an object"),
            (service("key", 7), "key", "a number"),
            (service("type", 7), "type", "a number"),
        ] as [(JSON, String, String)]
    )
    func `a wrong type is the portal's mistake, and the error names both types`(service: JSON, member: String, came: String) {
        for kind in ["sync", "preview"] {
            let error = refusal(
                of: Self.message(
                    type: "autotask.job.\(kind)",
                    data: ["planId": "p", "services": [service]],
                    routingKey: "\(kind).msp-4711"
                )
            )
            #expect(error?.code == .jobInvalid && error?.field == "data.services[0].\(member)")
            #expect(
                error?.message.hasSuffix(", got \(came).") == true && error?.hint.hasPrefix("Send data.services[0].\(member) as ") == true
            )
        }
    }

    @Test func `data accepted before types were checked is still read`() throws {
        let data: JSON = ["planId": "a\n", "services": [["key": "k", "type": "Server", "name": 7, "unitPrice": 9, "billingCodeId": "1"]]]
        let sync = try #require(try JobPayload(kind: .sync, data: data, acceptsClearCredentials: true).syncPayload)
        #expect(sync.services[0].unitPrice == .malformed && sync.services[0].billingCodeID == .malformed && sync.services[0].name.isEmpty)
    }

    @Test func `half a surrogate pair in a name affects that service, and elsewhere that member`() throws {
        func plan(_ member: String) -> JobMessage {
            let text = #"""
                {"specversion":"1.0","id":"job-1","source":"/p","type":"autotask.job.sync","subject":"msp-4711","note":"\udc00","data":{"planId":"p",
                 "services":[{"key":"a","type":"License","name":"A"},{"type":"License",\#(member)}]}}
                """#
            return JobMessage(routingKey: "sync.msp-4711", body: Array(text.utf8))
        }
        for text in [#"\ud83d"#, #"Cloud \ude00"#, #"\ud83d\ud83d\ude00"#, #"\ud83d\n"#, #"\uD800\u0041"#] {
            let sync = try #require(decodedJob(of: plan("\"key\":\"b\",\"name\":\"\(text)\""))?.payload.syncPayload)
            #expect(sync.services[1].hasBrokenName && sync.services[1].name.contains("\u{FFFD}") && !sync.services[0].hasBrokenName)
        }
        #expect(refusal(of: plan(#""name":"B","key":"\ud800""#))?.field == "data.services[1].key")
        let sync = try #require(
            decodedJob(of: plan(#""key":"b","name":"B","period":"\ud800","unitPrice":"\ud800""#))?.payload.syncPayload
        )
        #expect(sync.services[1].period == .malformed && sync.services[1].unitPrice == .malformed)
        let broken: JSON = .brokenString(escaped: #"\ud800"#, readable: "\u{FFFD}")
        let error = refusal(of: Self.sync(["planId": broken, "services": []]))
        #expect(error?.field == "data.planId" && error?.message.hasSuffix(", got a string with half a surrogate pair.") == true)
    }

    @Test(
        arguments: [
            ("B\u{FC}ro", "Bu\u{308}ro"), ("\u{C5}", "\u{212B}"), ("\u{D55C}", "\u{1112}\u{1161}\u{11AB}"), ("\u{E9}", "e\u{301}"),
            ("\u{3A9}", "\u{2126}"),
        ]
    )
    func `a plan's id has one normalized form`(composed: String, other: String) throws {
        func planID(_ text: String) -> [UInt8]? {
            decodedJob(of: Self.sync(["planId": .string(text), "services": [.object(Self.service)]]))?.payload.planID.map { Array($0.utf8) }
        }
        #expect(planID(other) == Array(composed.utf8) && planID(composed) == Array(composed.utf8))
        // Ids that no normal form makes equal are different plans.
        #expect(planID("plan") != planID("Plan") && planID("plan") != planID("plan "))
    }

    @Test(arguments: ["", " ", "\u{3000}\u{A0}", "a\u{0}", "a\nb", "\u{7F}", "\u{85}", String(repeating: "\u{E9}", count: 129)])
    func `a plan's id that is blank, too long or holds control characters is refused`(id: String) {
        #expect(refusal(of: Self.sync(["planId": .string(id), "services": [.object(Self.service)]]))?.field == "data.planId")
        let longest = String(repeating: "\u{E9}", count: 128)
        #expect(decodedJob(of: Self.sync(["planId": .string(longest), "services": [.object(Self.service)]])) != nil)
    }

    @Test func `a job's lane includes the product`() throws {
        let job = try #require(decodedJob(of: Self.message(data: ["confirm": true, "product": "fileProtection"])))
        #expect(job.lane.product == .fileProtection)
        #expect(refusal(of: Self.message(data: ["confirm": true, "product": "other"]))?.code == .jobInvalid)
    }

    @Test(arguments: ["sync", "", "sync.", ".msp-1", "sync.msp-1.more", "sync.no tenant"])
    func `a body without information is not answered when the routing key names no tenant`(routingKey: String) {
        let message = JobMessage(routingKey: routingKey, messageID: "job-1", type: "autotask.job.sync", body: [0])
        #expect(message.decoded(acceptsClearCredentials: false).identity == nil && message.routedTenant == nil)
    }

    @Test(
        arguments: [
            ("not JSON", Array("hello".utf8)), ("not an object", Array("[]".utf8)), ("empty", []),
            ("not a job", Array(#"{"type":"x","id":"a","subject":"b"}"#.utf8)),
        ] as [(String, [UInt8])]
    )
    func `a body that names no job cannot be answered`(name: String, body: [UInt8]) {
        guard case .unreadable(let error) = JobMessage(routingKey: "sync.a", body: body).decoded(acceptsClearCredentials: false) else {
            Issue.record("\(name) was read")
            return
        }
        #expect(error.code == .jobInvalid)
    }

    @Test func `an unreadable body is answered when the AMQP properties name the job`() {
        var message = JobMessage(routingKey: "sync.msp-1", messageID: "job-9", type: "autotask.job.sync", body: Array("{".utf8))
        guard case .refused(let identity, let error) = message.decoded(acceptsClearCredentials: false) else {
            Issue.record("not answered")
            return
        }
        #expect(identity.id == JobID("job-9") && identity.lane.tenant == TenantID("msp-1") && error.code == .jobInvalid)
        message.body = []
        message.oversized = OversizedBody(size: 2 << 20, sha256: [1, 2, 3])
        #expect(refusal(of: message)?.message == "The body is larger than 1 MiB.")
    }

    @Test func `a body over 1 MiB is refused`() {
        var message = Self.message(data: ["confirm": true, "reason": .string(String(repeating: "x", count: 1 << 20))])
        message.messageID = "job-1"
        message.type = "autotask.job.reset"
        #expect(refusal(of: message)?.code == .jobInvalid)
    }

    @Test(arguments: [
        (Self.message(extra: ["specversion": "0.3"]), "specversion"), (Self.message(extra: ["source": ""]), "source"),
        (Self.message(routingKey: "sync.msp-4711"), "routing_key"), (Self.message(routingKey: "reset.other"), "routing_key"),
        (Self.message(extra: ["expirytime": "tomorrow"]), "expirytime"),
        (Self.message(extra: ["datacontenttype": "text/plain"]), "datacontenttype"),
        (Self.message(data: ["confirm": true, "reason": 7]), "data.reason"), (Self.message(data: "text"), "data"),
    ])
    func `an invalid envelope is refused, and the member is named`(message: JobMessage, field: String) {
        let error = refusal(of: message)
        #expect(error?.code == .jobInvalid && error?.field == field)
    }

    @Test func `a sync may adopt, acknowledge, and name a preview`() throws {
        let data: JSONObject = [
            "planId": "p", "services": [.object(Self.service)], "adopt": ["license-monthly": 677],
            "acknowledge": ["negative_margin", "price_changed:license-monthly", "not_known_yet"], "previewId": "p-1",
        ]
        let payload = try #require(decodedJob(of: Self.sync(data))?.payload.syncPayload)
        #expect(payload.adopted == ["license-monthly": 677] && payload.previewID == "p-1")
        let warning = Warning(.priceChanged, "…", serviceKey: "license-monthly")
        #expect(payload.acknowledged.count == 3 && payload.acknowledged.contains { $0.covers(warning) })
        #expect(!payload.acknowledged.contains { $0.covers(Warning(.priceChanged, "…", serviceKey: "license-yearly")) })
        #expect(payload.acknowledged.contains { $0.covers(Warning(.negativeMargin, "…", serviceKey: "license-yearly")) })
    }

    @Test func `a sync may name warnings that stop it, each once or twice, or none`() throws {
        for (member, codes) in [
            (["price_changed", "negative_margin", "price_changed"], [.priceChanged, .negativeMargin]), ([], []),
        ] as [(JSON, Set<Warning.Code>)] {
            let data: JSONObject = ["planId": "p", "services": [.object(Self.service)], "acknowledgeRequired": member]
            let payload = try #require(decodedJob(of: Self.sync(data))?.payload.syncPayload)
            #expect(payload.acknowledgementRequired == codes)
        }
    }

    @Test func `a plan may have no services if it names some that leave it`() throws {
        let data: JSONObject = ["planId": "p", "services": [], "retired": ["license-monthly"]]
        let payload = try #require(decodedJob(of: Self.sync(data))?.payload.syncPayload)
        #expect(payload.services.isEmpty && payload.retired == ["license-monthly"])
    }

    @Test(
        arguments: [
            ("adopt", []), ("adopt", ["gone": 677]), ("adopt", ["license-monthly": "677"]), ("adopt", ["license-monthly": 0]),
            ("acknowledge", "price_changed"), ("acknowledge", ["Price"]), ("acknowledge", [""]), ("acknowledge", ["a:"]),
            ("acknowledge", ["a:b c"]), ("acknowledge", [1]), ("previewId", 1), ("acknowledgeRequired", "price_changed"),
            ("acknowledgeRequired", ["price_changed", "price_change"]), ("acknowledgeRequired", ["none"]),
            ("acknowledgeRequired", ["read_only"]), ("acknowledgeRequired", ["price_changed:license-monthly"]),
            ("acknowledgeRequired", [1]),
            ("acknowledgeRequired", [""]), ("acknowledgeRequired", ["PRICE_CHANGED"]),
        ] as [(String, JSON)]
    )
    func `the adoptions, acknowledgements and preview of a sync must have the right form`(member: String, value: JSON) {
        let error = refusal(of: Self.sync(["planId": "p", "services": [.object(Self.service)], member: value]))
        #expect(error?.code == .jobInvalid && error?.field?.hasPrefix("data.\(member)") == true)
    }

    @Test(
        arguments: [
            (["services": [.object(Self.service)]], "data.planId"), (["planId": "p"], "data.services"),
            (["planId": "p", "services": []], "data.services"), (["planId": "p", "services": [], "retired": []], "data.services"),
            (["planId": "p", "retired": ["license-monthly"]], "data.services"),
            (["planId": "p", "services": ["x"]], "data.services[0]"),
            (["planId": "p", "services": [Self.service("key", nil)]], "data.services[0].key"),
            (["planId": "p", "services": [Self.service("type", "Laptop")]], "data.services[0].type"),
            (["planId": "p", "services": [.object(Self.service), .object(Self.service)]], "data.services[1].key"),
            (["planId": "p", "services": [.object(Self.service)], "retired": ["license-monthly"]], "data.retired"),
            (["planId": "p", "revision": "1", "services": [.object(Self.service)]], "data.revision"),
        ] as [(JSONObject, String)]
    )
    func `a plan that does not match the schema is refused, and the member is named`(data: JSONObject, field: String) {
        let error = refusal(of: Self.sync(data))
        #expect(error?.code == .jobInvalid && error?.field == field)
    }

    @Test func `a person's wrong entry is left to the sync`() throws {
        var members: [JSON] = [
            Self.service("unitPrice", "1.123456789"), Self.service("key", "b"), Self.service("key", "c"), Self.service("key", "d"),
        ]
        members[1] = [
            "key": "b", "type": "Server", "name": "B", "unitPrice": "", "unitCost": "1e3", "period": "Weekly", "billingCodeId": -1,
        ]
        members[2] = ["key": "c", "type": "Storage"]
        let job = try #require(decodedJob(of: Self.sync(["planId": "p", "services": .array(members)])))
        let payload = try #require(job.payload.syncPayload)
        #expect(payload.services[0].unitPrice == .malformed && payload.services[0].unitCost == .value(Money(contract: "4.50")!))
        #expect(payload.services[1].unitPrice == .malformed && payload.services[1].unitCost == .malformed)
        #expect(
            payload.services[1].period == .malformed && payload.services[1].billingCodeID == .malformed
                && payload.services[1].kind == .server
        )
        #expect(
            payload.services[2].name.isEmpty && payload.services[2].unitPrice == .missing && payload.services[2].billingCodeID == .missing
        )
    }

    @Test func `clear credentials are for development only`() throws {
        let message = Self.message(
            type: "autotask.job.connect",
            data: ["credentials": ["username": "u", "secret": #"é:;%"\"#]],
            routingKey: "connect.msp-4711"
        )
        #expect(refusal(of: message)?.field == "data.credentials")
        guard case .connect(let payload) = try #require(decodedJob(of: message, development: true)).payload,
            case .clear(let text) = payload.credentials
        else {
            Issue.record("not a connect")
            return
        }
        #expect(try JSON(parsing: text)["secret"]?.string == #"é:;%"\"#)
    }

    @Test func `names and lists have a limit`() throws {
        let keys = (0...10_000).map { JSON.string("old-\($0)") }
        let plan: JSONObject = ["planId": "p", "services": [.object(JobMessageTests.service)], "retired": .array(keys)]
        #expect(refusal(of: JobMessageTests.sync(plan))?.field == "data.retired")
        let longType = JobMessageTests.message(type: "autotask.job." + String(repeating: "x", count: 243))
        guard case .unreadable = longType.decoded(acceptsClearCredentials: false) else { return #expect(Bool(false)) }
        func connect(_ credentials: JSON) -> JobError? {
            refusal(
                of: JobMessageTests.message(
                    type: "autotask.job.connect",
                    data: ["credentials": credentials],
                    routingKey: "connect.msp-4711"
                ),
                development: true
            )
        }
        for keyID in ["", String(repeating: "k", count: 256)] {
            #expect(connect(["keyId": .string(keyID), "enc": "AA", "ciphertext": "AA"])?.field == "data.credentials.keyId")
        }
    }

    @Test func `sealed credentials are read from base64url`() throws {
        let data: JSON = ["credentials": ["keyId": "k1", "enc": "AAE", "ciphertext": "_-8"]]
        let message = Self.message(type: "autotask.job.connect", data: data, routingKey: "connect.msp-4711")
        guard case .connect(let payload) = try #require(decodedJob(of: message)).payload, case .sealed(let sealed) = payload.credentials
        else {
            Issue.record("not sealed")
            return
        }
        #expect(sealed.keyID == "k1" && sealed.encapsulatedKey == [0, 1] && sealed.ciphertext == [255, 239])
    }

    @Test func `the same payload has the same fingerprint, however it is written`() throws {
        func fingerprint(_ body: String) throws -> [UInt8] {
            let message = JobMessage(routingKey: "billing-codes.a", body: Array(body.utf8))
            guard case .job(let job) = message.decoded(acceptsClearCredentials: false) else { throw JobError(.internal) }
            return job.identity.fingerprint
        }
        let first = try fingerprint(
            #"{"specversion":"1.0","id":"1","source":"/p","type":"autotask.job.billing-codes","subject":"a","time":"2026-01-01T00:00:00Z","data":{"refresh":true,"n":1.50}}"#
        )
        let same = try fingerprint(
            #"{ "data": {"n":15e-1, "refresh":true}, "subject":"a", "type":"autotask.job.billing-codes","id":"1","specversion":"1.0","source":"/q" }"#
        )
        let other = try fingerprint(
            #"{"specversion":"1.0","id":"1","source":"/p","type":"autotask.job.billing-codes","subject":"a","data":{"refresh":true,"n":1.51}}"#
        )
        #expect(first == same && first != other)
    }
}

extension JobPayload {
    fileprivate var syncPayload: SyncPayload? {
        if case .sync(let payload) = self { payload } else { nil }
    }
}
