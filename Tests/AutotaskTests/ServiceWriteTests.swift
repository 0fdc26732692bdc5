import Contract
import HTTP
import Testing

@testable import Autotask

@Suite("Writing services")
struct ServiceWriteTests {
    private func money(_ text: String) throws -> Money { try #require(Money(contract: text)) }

    private func service(
        name: String = "Gold",
        price: String = "34.55",
        cost: String? = "28.19",
        marker: ServiceMarker? = ServiceMarker(field: .internalID, value: "0123456789abcdef0123456789abcdef")
    ) throws -> ServiceWrite {
        ServiceWrite(
            fields: ManagedFields(
                name: name,
                unitPrice: try money(price),
                unitCost: try cost.map(money),
                billingCodeID: 29_683_278,
                periodType: 2
            ),
            marker: marker
        )
    }

    @Test("A create sends the managed fields and the marker, amounts as their own text")
    func create() async throws {
        let transport = ScriptedTransport([.fixture("create.200.json")])
        let id = try await AutotaskSession.test(transport).write(try service())
        #expect(id == 4)
        let request = try #require(transport.requests.first)
        #expect(request.method == .post)
        #expect(request.url == "https://webservices14.autotask.net/ATServicesRest/V1.0/Services")
        #expect(
            transport.bodies == [
                #"{"name":"Gold","unitPrice":34.55,"unitCost":28.19,"billingCodeID":29683278,"periodType":2,"#
                    + #""internalID":"0123456789abcdef0123456789abcdef"}"#
            ]
        )
    }

    @Test("Unknown values are not sent")
    func sparseCreate() async throws {
        let transport = ScriptedTransport([.answer(200, #"{"itemId":"4"}"#)])
        #expect(try await AutotaskSession.test(transport).write(try service(cost: nil, marker: nil)) == 4)
        #expect(transport.bodies == [#"{"name":"Gold","unitPrice":34.55,"billingCodeID":29683278,"periodType":2}"#])
    }

    @Test(
        "Amounts are numbers on the wire, exact",
        arguments: [("28.19", "28.19"), ("0.0001", "0.0001"), ("999999999999.9999", "999999999999.9999"), ("10", "10.00"), ("0", "0.00")]
    )
    func decimals(text: String, wire: String) async throws {
        let transport = ScriptedTransport([.fixture("create.200.json")])
        _ = try await AutotaskSession.test(transport).write(try service(price: text, cost: text))
        let body = try JSON(parsing: try #require(transport.requests.first).body)
        #expect(body["unitPrice"] == .number(wire))
        #expect(body["unitCost"] == .number(wire))
    }

    @Test("Names are sent as typed", arguments: [#"Zoë's "Gold" \ plan"#, "  tabs\tand\nlines ", "日本語 🎉", "e\u{301}", "</script>"])
    func names(name: String) async throws {
        let transport = ScriptedTransport([.fixture("create.200.json"), .fixture("create.200.json")])
        let session = AutotaskSession.test(transport)
        _ = try await session.write(try service(name: name))
        _ = try await session.write(ServiceWrite(id: 4, fields: ManagedFields(name: name)))
        for request in transport.requests {
            #expect(try JSON(parsing: request.body)["name"]?.string.map { Array($0.utf8) } == Array(name.utf8))
        }
    }

    @Test("An update is a PATCH at the collection with the id and the changes")
    func update() async throws {
        let transport = ScriptedTransport([.answer(200, #"{"itemId":677}"#), .answer(200, #"{"itemId":677}"#)])
        let session = AutotaskSession.test(transport)
        _ = try await session.write(ServiceWrite(id: 677, fields: ManagedFields(unitPrice: try money("9.5"))))
        let everything = ServiceWrite(
            id: 677,
            fields: ManagedFields(
                name: "Gold",
                unitPrice: try money("9"),
                unitCost: try money("0.0125"),
                billingCodeID: 3,
                periodType: 5
            ),
            marker: ServiceMarker(field: .sku, value: "m")
        )
        _ = try await session.write(everything)
        #expect(
            transport.bodies == [
                #"{"id":677,"unitPrice":9.50}"#,
                #"{"id":677,"name":"Gold","unitPrice":9.00,"unitCost":0.0125,"billingCodeID":3,"periodType":5,"sku":"m"}"#,
            ]
        )
        #expect(transport.requests.allSatisfy { $0.method == .patch && $0.url.hasSuffix("/V1.0/Services") })
    }

    @Test("An empty patch makes no call")
    func emptyPatch() async throws {
        let transport = ScriptedTransport([])
        #expect(try await AutotaskSession.test(transport).write(ServiceWrite(id: 1)) == 1)
        #expect(transport.requests.isEmpty)
    }

    @Test(
        "A create whose answer has no id leaves it unknown whether the service exists",
        arguments: ["", "{}", #"{"itemId":null}"#, #"{"itemId":0}"#, #"{"itemId":1.5}"#, #"{"itemId":4"#, "<html>OK</html>", "[4]"]
    )
    func createWithoutID(body: String) async throws {
        let session = AutotaskSession.test(ScriptedTransport([.answer(200, body)]))
        let service = try service()
        let error = try #require(await failure { () throws(AutotaskError) in try await session.write(service) })
        #expect(error.kind == .malformedResponse)
        #expect(error.isOutcomeUnknown)
        #expect(error.jobError.code == .outcomeUnknown)
    }

    @Test("An update whose answer lacks its service's id leaves it unknown whether it takes effect")
    func updateAnswers() async {
        func error(_ body: String) async -> AutotaskError? {
            let session = AutotaskSession.test(ScriptedTransport([.answer(200, body)]))
            let write = ServiceWrite(id: 677, fields: ManagedFields(name: "n"))
            return await failure { () throws(AutotaskError) in try await session.write(write) }
        }
        for body in [#"{"itemId":677}"#, #"{"itemId":"677"}"#, #"{"ItemID":677}"#] { #expect(await error(body) == nil) }
        for body in [
            "", "{}", "null", #"{"itemId":null}"#, #"{"status":"queued"}"#, "[]", "<html>", #"{"itemId":678}"#, #"{"itemId":6"#,
            #"{"errors":["Not now"]}"#,
        ] {
            let error = await error(body)
            #expect(error?.kind == (body.contains("errors") ? .unrecognized : .malformedResponse))
            #expect(error?.isOutcomeUnknown == true)
        }
    }

    @Test("A lost answer leaves a create's outcome unknown; an unsent request does not")
    func lost() async throws {
        let transport = ScriptedTransport(
            .failure(HTTPError(.connectionLost, "gone", mayHaveBeenSent: true)),
            .failure(HTTPError(.cannotConnect, "refused", mayHaveBeenSent: false))
        )
        let session = AutotaskSession.test(transport)
        let service = try service()
        let lost = try #require(await failure { () throws(AutotaskError) in try await session.write(service) })
        #expect(lost.isOutcomeUnknown && lost.kind == .network(.connectionLost))
        let unsent = try #require(await failure { () throws(AutotaskError) in try await session.write(service) })
        #expect(!unsent.isOutcomeUnknown && unsent.jobError.code == .network)
    }
}
