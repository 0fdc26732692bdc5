import Contract
import HTTP
import Secrets
import Testing

@testable import Autotask

@Suite("Probes of a connection")
struct ConnectionTests {
    @Test("Every call carries the three credentials, byte for byte")
    func headers() async throws {
        let secret: [UInt8] = (1...255).map { UInt8($0) }.filter { $0 != 10 && $0 != 13 }
        let credentials = AutotaskCredentials.test(username: "äpi@demo.example", secret: secret, code: "TRACK")
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let transport = ScriptedTransport([.fixture("version.200.json")])
        try await AutotaskSession.test(transport, credentials: credentials, traceparent: traceparent).version()
        let request = try #require(transport.requests.first)
        #expect(request.method == .get)
        #expect(request.url == "https://webservices14.autotask.net/ATServicesRest/V1.0/Version")
        #expect(request.headers.map(\.name) == ["UserName", "Secret", "ApiIntegrationCode", "Content-Type", "traceparent"])
        #expect(
            request.headers.map { header in header.withValue { value in value.indices.map { value[$0] } } }
                == [Array("äpi@demo.example".utf8), secret, Array("TRACK".utf8), Array("application/json".utf8), Array(traceparent.utf8)]
        )
    }

    @Test("Credentials that no header can carry are wrong and are not sent", arguments: ["a\r\nX: y", "a\nb", "a\0", " ", "\t \u{0B}"])
    func unsendable(secret: String) async {
        let transport = ScriptedTransport([])
        let session = AutotaskSession.test(transport, credentials: .test(secret: secret))
        #expect(await failure { () throws(AutotaskError) in try await session.version() }?.jobError.code == .credentialsInvalid)
        #expect(transport.requests.isEmpty)
    }

    @Test("Every call asks its gate again just before its first byte leaves")
    func lastMoment() async throws {
        let gate = LapsedGate()
        let transport = ScriptedTransport([.fixture("version.200.json")])
        try await AutotaskSession(transport: transport, zone: .test, credentials: .test(), gate: gate).version()
        let request = try #require(transport.requests.first)
        #expect(request.mayStillBeSent?() == false)
    }

    @Test("The usage of the quota is read")
    func threshold() async throws {
        let body = #"{"externalRequestThreshold":10000,"requestThresholdTimeframe":60,"currentTimeframeRequestCount":124}"#
        let transport = ScriptedTransport([.answer(200, body)])
        let session = AutotaskSession.test(transport)
        #expect(try await session.requestThreshold() == RequestThreshold(limit: 10_000, timeframe: .seconds(3600), used: 124))
        #expect(transport.requests.first?.url.hasSuffix("/V1.0/ThresholdInformation") == true)
    }

    @Test(
        "Unusable numbers are not a usage",
        arguments: [
            (0, 60, 1), (-1, 60, 1), (10_000, 0, 1), (10_000, 60, -1), (Int64.max, 60, 1), (10_000, Int64.max, 1), (10_000, 60, Int64.max),
        ]
    )
    func oddThreshold(limit: Int64, minutes: Int64, used: Int64) async {
        let body: JSON = [
            "externalRequestThreshold": JSON(limit), "requestThresholdTimeframe": JSON(minutes), "currentTimeframeRequestCount": JSON(used),
        ]
        let session = AutotaskSession.test(ScriptedTransport([HTTPResponse(status: 200, body: body.encoded)]))
        #expect(await failure { () throws(AutotaskError) in _ = try await session.requestThreshold() }?.kind == .malformedResponse)
    }

    @Test("A page with a 200 is not a version", arguments: ["", "<html>Welcome</html>", "{}", "[]", #"{"majorVersion":null}"#])
    func noVersion(body: String) async {
        let session = AutotaskSession.test(ScriptedTransport([.answer(200, body)]))
        #expect(await failure { () throws(AutotaskError) in try await session.version() }?.kind == .malformedResponse)
    }

    @Test("The user's permissions narrow those of the entity")
    func access() async throws {
        func access(_ body: JSON) async throws -> Capabilities {
            let transport = ScriptedTransport([HTTPResponse(status: 200, body: body.encoded)])
            let capabilities = try await AutotaskSession.test(transport).serviceAccess()
            #expect(transport.requests.first?.url.hasSuffix("/V1.0/Services/entityInformation") == true)
            return capabilities
        }
        let all = Capabilities(canQueryServices: true, canCreateServices: true, canUpdateServices: true, costVisible: nil)
        #expect(try await access(Fixture.json("services.entityInformation.200.json")) == all)
        func information(_ query: JSON, _ create: JSON, _ update: JSON) -> JSON {
            [
                "info": [
                    "canQuery": true, "canCreate": true, "canUpdate": true,
                    "userAccessForQuery": query, "userAccessForCreate": create, "userAccessForUpdate": update,
                ]
            ]
        }
        let queryOnly = Capabilities(canQueryServices: true, canCreateServices: false, canUpdateServices: false, costVisible: nil)
        #expect(try await access(information(1, 0, 0)) == queryOnly)
        #expect(try await access(information("2", "0", "0")) == queryOnly)
        #expect(try await access(information("Restricted", "None", "none")) == queryOnly)
        #expect(try await access(information(nil, 1, "something new")) == all)
        #expect(try await access(["info": ["canQuery": true, "canCreate": false, "canUpdate": false]]) == queryOnly)
    }

    @Test(
        "An incomplete description of the entity is refused",
        arguments: [
            "{}", #"{"info":null}"#, #"{"info":{"canQuery":"yes","canCreate":true,"canUpdate":true}}"#, #"{"info":{"canQuery":true}}"#,
        ]
    )
    func incompleteAccess(body: String) async {
        let session = AutotaskSession.test(ScriptedTransport([.answer(200, body)]))
        #expect(await failure { () throws(AutotaskError) in try await session.serviceAccess() }?.kind == .malformedResponse)
    }

    @Test("Periods are found by their labels, and the marker's field by its length")
    func fields() async throws {
        let transport = ScriptedTransport([.fixture("services.entityInformation.fields.200.json")])
        let fields = try await AutotaskSession.test(transport).serviceFields()
        #expect(transport.requests.first?.url.hasSuffix("/V1.0/Services/entityInformation/fields") == true)
        #expect(fields.periodType(.monthly) == 2)
        #expect(fields.periodType(.yearly) == 5)
        #expect(fields.maximumNameLength == 150)
        #expect(!fields.isPeriodUpdatable)
        #expect(fields.markerFields == [.internalID, .sku])
        #expect(ServiceFields(json: fields.json) == fields)
    }

    private func fields(_ list: [JSON]) -> ServiceFields? { ServiceFields(entityFields: ["fields": .array(list)]) }

    private let name: JSON = ["name": "name", "length": -1]

    private func period(_ values: JSON, isReadOnly: JSON = true) -> JSON {
        ["name": "periodType", "isReadOnly": isReadOnly, "picklistValues": values]
    }

    @Test("Odd picklists")
    func picklists() throws {
        let odd = try #require(
            fields([
                name,
                period(
                    [
                        ["value": "1", "label": "Monthly", "isActive": false], ["value": 7, "label": " MONTHLY ", "isActive": true],
                        ["value": "x", "label": "Yearly"], "noise",
                    ],
                    isReadOnly: false
                ),
            ])
        )
        #expect(odd.monthlyPeriodType == 7)
        #expect(odd.yearlyPeriodType == nil)
        #expect(odd.isPeriodUpdatable)
        #expect(odd.maximumNameLength == nil)
        #expect(odd.markerField == nil)
        #expect(odd.periodDoubt == PeriodTypes.Doubt(assumed: [], missing: [.yearly], labels: [" MONTHLY "]))
        var kept = odd
        kept.periodDoubt = nil
        #expect(ServiceFields(json: odd.json) == kept)
        #expect(fields([name, period(nil)])?.monthlyPeriodType == nil)
    }

    private func periods(_ choices: [(value: Int, label: String)], isSystem: Bool = true) -> PeriodTypes {
        PeriodTypes(
            picklist: choices.map { choice in
                ["value": .string(String(choice.value)), "label": .string(choice.label), "isActive": true, "isSystem": .bool(isSystem)]
            }
        )
    }

    @Test(
        "A period is found by its label in many languages",
        arguments: [
            ("Monthly", "Yearly"), ("Per Month", "Annually"), ("Monatlich", "J\u{E4}hrlich"), ("pro  Monat", "Ja\u{308}hrlich"),
            ("Mensual", "Anual"),
            ("Mensuel", "Annuel"), ("mensile", "ANNUALE"), ("Maandelijks", "Jaarlijks"), ("Mensal", "Anual"),
            ("M\u{E5}nedlig", "\u{C5}rlig"),
            ("Kuukausittain", "Vuosittain"), ("Miesi\u{119}cznie", "Rocznie"), ("毎月", "毎年"), ("月次", "年次"), ("每月", "每年"),
            ("Pr. måned", "Pr. år."),
        ]
    )
    func languages(monthly: String, yearly: String) {
        let found = periods([(71, yearly), (3, monthly), (2, "Quarterly"), (5, "Semi-Annual")], isSystem: false)
        #expect(found.monthly == 3 && found.yearly == 71 && found.doubt == nil)
    }

    @Test("Without a known label, 2 and 5 are used if nothing contradicts it")
    func usualValues() {
        let found = periods([(1, "Mara moja"), (2, "Kila mwezi"), (5, "Kila mwaka")])
        #expect(found.monthly == 2 && found.yearly == 5)
        #expect(
            found.doubt == PeriodTypes.Doubt(assumed: [.monthly, .yearly], missing: [], labels: ["Mara moja", "Kila mwezi", "Kila mwaka"])
        )
        let half = periods([(2, "Monthly"), (5, "Kila mwaka")])
        #expect(half.monthly == 2 && half.yearly == 5 && half.doubt?.assumed == [.yearly])
        for choices in [
            [(2, "Kila mwezi")], [(2, "Kila mwezi"), (5, "Quarterly")], [(2, "Yearly"), (5, "Kila mwaka")],
            [(7, "Monthly"), (5, "Kila mwaka")],
            [(2, "Monthly")], [],
        ] as [[(value: Int, label: String)]] {
            #expect(periods(choices).doubt?.assumed == [] && periods(choices).doubt?.missing.isEmpty == false, "\(choices)")
        }
        #expect(periods([(2, "Kila mwezi"), (5, "Kila mwaka")], isSystem: false).monthly == nil)
    }

    @Test("Metadata that an earlier version lacked is read again")
    func olderRule() throws {
        let kept: JSON = ["monthly": 2, "yearly": nil, "periodUpdatable": false, "nameLength": nil, "markerFields": []]
        #expect(ServiceFields(json: kept) == nil)
        #expect(ServiceFields(json: ["monthly": 2, "yearly": 5, "periodUpdatable": false, "nameLength": nil, "markerFields": []]) != nil)
    }

    @Test("Fields that cannot hold the marker are skipped")
    func markerFields() {
        func usable(_ members: JSONObject) -> Bool {
            var field: JSONObject = ["name": "internalID", "dataType": "string", "isReadOnly": false, "isQueryable": true, "length": 50]
            for member in members.members { field[member.name] = member.value }
            return fields([name, period(nil), .object(field)])?.markerField == .internalID
        }
        #expect(usable([:]))
        #expect(usable(["length": 32]))
        #expect(usable(["length": 0]))
        #expect(usable(["length": -1]))
        #expect(usable(["length": nil]))
        #expect(!usable(["length": 31]))
        #expect(!usable(["isReadOnly": true]))
        #expect(!usable(["isReadOnly": nil]))
        #expect(!usable(["isQueryable": false]))
        #expect(!usable(["dataType": "integer"]))
    }

    @Test("A description that lacks required fields is refused")
    func incompleteFields() {
        #expect(fields([]) == nil)
        #expect(fields([name]) == nil)
        #expect(fields([period(nil)]) == nil)
        #expect(fields([name, period(nil, isReadOnly: "no")]) == nil)
        #expect(ServiceFields(entityFields: ["fields": 7]) == nil)
        #expect(ServiceFields(json: nil) == nil)
        #expect(ServiceFields(json: [:]) == nil)
    }
}

/// Admits calls of a worker whose lease ends before they leave.
private struct LapsedGate: CallGate {
    func admit(_ operation: AutotaskOperation) -> (AutotaskError?) -> Void { { _ in } }

    var mayStillCall: @Sendable () -> Bool { { false } }
}
