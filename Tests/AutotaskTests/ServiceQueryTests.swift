import Contract
import HTTP
import Testing

@testable import Autotask

@Suite("Reading services")
struct ServiceQueryTests {
    /// A page of services with these ids, as Autotask writes one.
    private func page(_ ids: some Sequence<Int>, next: JSON = nil) -> HTTPResponse {
        let items = ids.map { id -> JSON in ["id": JSON(id), "name": .string("S\(id)"), "unitPrice": 1] }
        let body: JSON = ["items": .array(items), "pageDetails": ["count": JSON(items.count), "requestCount": 500, "nextPageUrl": next]]
        return HTTPResponse(status: 200, body: body.encoded)
    }

    @Test("A record is read completely")
    func record() async throws {
        let transport = ScriptedTransport([.fixture("services.query.page1.200.json"), .fixture("services.query.empty.200.json")])
        let services = try await AutotaskSession.test(transport).services(ServiceQuery(ids: [677], markerField: .sku))
        #expect(
            services == [
                AutotaskService(
                    id: 677,
                    fields: ManagedFields(
                        name: "Example Service - Annual Commit (Billed Monthly)",
                        unitPrice: Money(contract: "34.55"),
                        unitCost: Money(contract: "28.19"),
                        billingCodeID: 29_683_278,
                        periodType: 2
                    ),
                    isActive: true,
                    marker: "ANN-MO:CFQ7TTC0LCHC:0002"
                )
            ]
        )
    }

    @Test("The query asks for any of the ids, markers and names, and only for the needed fields")
    func body() async throws {
        let transport = ScriptedTransport([page([])])
        let query = ServiceQuery(ids: [7], names: ["Zoë's \"Gold\"\n\\ 100 % 🎉"], markers: ["m"], markerField: .internalID)
        #expect(try await AutotaskSession.test(transport).services(query).isEmpty)
        let request = try #require(transport.requests.first)
        #expect(request.method == .post)
        #expect(request.url == "https://webservices14.autotask.net/ATServicesRest/V1.0/Services/query")
        let expected: JSON = [
            "MaxRecords": 500,
            "IncludeFields": ["id", "name", "unitPrice", "unitCost", "billingCodeID", "periodType", "isActive", "internalID"],
            "Filter": [
                [
                    "op": "or",
                    "items": [
                        ["op": "eq", "field": "id", "value": 7], ["op": "eq", "field": "internalID", "value": "m"],
                        ["op": "eq", "field": "name", "value": "Zoë's \"Gold\"\n\\ 100 % 🎉"],
                    ],
                ]
            ],
        ]
        #expect(try JSON(parsing: request.body) == expected)
    }

    @Test("Without a marker field, no marker is requested")
    func noMarkerField() async throws {
        let transport = ScriptedTransport([page([])])
        _ = try await AutotaskSession.test(transport).services(ServiceQuery(ids: [7], markers: ["m"], markerField: nil))
        #expect(transport.bodies.allSatisfy { !$0.contains("internalID") && !$0.contains("sku") && !$0.contains("\"m\"") })
    }

    @Test("An empty query makes no call")
    func empty() async throws {
        let transport = ScriptedTransport([])
        let session = AutotaskSession.test(transport)
        #expect(try await session.services(ServiceQuery(markerField: .sku)).isEmpty)
        #expect(try await session.services(ServiceQuery(markers: ["m"], markerField: nil)).isEmpty)
        #expect(transport.requests.isEmpty)
    }

    @Test("500 conditions are one call, 501 are two", arguments: [(499, [499]), (500, [500]), (501, [500, 1]), (1001, [500, 500, 1])])
    func chunks(count: Int, expected: [Int]) async throws {
        let transport = ScriptedTransport(expected.map { _ in page([]) })
        let names = (0..<count / 2).map { "n\($0)" }
        let ids = (0..<count - count / 2).map { Int64($0) }
        let session = AutotaskSession.test(transport)
        _ = try await session.services(ServiceQuery(ids: ids, names: names, markerField: .sku))
        let sizes = try transport.requests.map { request in
            try #require(try JSON(parsing: request.body)["Filter"]?.array?.first?["items"]?.array).count
        }
        #expect(sizes == expected)
    }

    @Test("A service that two chunks find comes once")
    func duplicates() async throws {
        let transport = ScriptedTransport([page([1, 2]), page([2, 3])])
        let query = ServiceQuery(ids: (1...501).map { Int64($0) }, markerField: nil)
        #expect(try await AutotaskSession.test(transport).services(query).map(\.id) == [1, 2, 3])
    }

    @Test("A full page is followed by a query for the ids after it, with the same filter")
    func paging() async throws {
        let transport = ScriptedTransport([page(1...500), page(501...1000), page([])])
        let services = try await AutotaskSession.test(transport).services(ServiceQuery(names: ["n"], markerField: nil))
        #expect(services.map(\.id) == (1...1000).map { Int64($0) })
        let filters = try transport.requests.map { try #require(try JSON(parsing: $0.body)["Filter"]?.array) }
        #expect(filters.map(\.count) == [1, 2, 2])
        #expect(filters[1].first == ["op": "gt", "field": "id", "value": 500])
        #expect(filters[2].first == ["op": "gt", "field": "id", "value": 1000])
        #expect(filters.allSatisfy { $0.last == filters[0].last })
        #expect(Set(transport.requests.map(\.url)).count == 1, "a page's URL is never followed")
    }

    @Test("A short page that promises another is followed too")
    func shortPages() async throws {
        let transport = ScriptedTransport([page([3, 5], next: "https://evil.example/next"), page([9])])
        let services = try await AutotaskSession.test(transport).services(ServiceQuery(names: ["n"], markerField: nil))
        #expect(services.map(\.id) == [3, 5, 9])
    }

    @Test("Pages that would lose records or never end are refused")
    func disorder() async {
        func error(_ pages: [HTTPResponse]) async -> AutotaskError? {
            let session = AutotaskSession.test(ScriptedTransport(pages))
            return await failure { () throws(AutotaskError) in try await session.services(ServiceQuery(names: ["n"], markerField: nil)) }
        }
        #expect(await error([page((1...500).reversed())])?.kind == .malformedResponse)
        #expect(await error([page(1...500), page(1...500)])?.kind == .malformedResponse)
        #expect(await error([page([], next: "https://x.example/")])?.kind == .malformedResponse)
    }

    @Test(
        "Amounts come back exactly, in any form of a number",
        arguments: [
            ("28.19", "28.19"), ("0.0001", "0.0001"), ("1E1", "10.00"), ("1e-4", "0.0001"), ("123456789012.1234", "123456789012.1234"),
            ("0.1", "0.10"), ("34.550000", "34.55"), ("0", "0.00"), ("-3.5", "-3.50"), ("2.819e1", "28.19"),
        ]
    )
    func decimals(number: String, amount: String) async throws {
        let transport = ScriptedTransport([
            .answer(200, #"{"items":[{"id":1,"name":"a","unitPrice":\#(number),"unitCost":\#(number)}],"pageDetails":null}"#)
        ])
        let services = try await AutotaskSession.test(transport).services(ServiceQuery(ids: [1], markerField: nil))
        #expect(services.first?.fields.unitPrice?.description == amount)
        #expect(services.first?.fields.unitCost?.description == amount)
    }

    @Test("Values that Autotask omits or hides are absent")
    func sparse() async throws {
        let transport = ScriptedTransport([
            .answer(
                200,
                #"{"items":[{"id":"1","name":"","unitPrice":null,"unitCost":null,"billingCodeID":null,"isActive":null,"sku":""},{"id":2,"name":"b"}]}"#
            )
        ])
        let services = try await AutotaskSession.test(transport).services(ServiceQuery(ids: [1], markerField: .sku))
        let nothing = AutotaskService(
            id: 1,
            fields: ManagedFields(name: ""),
            isActive: nil,
            marker: nil
        )
        #expect(services.first == nothing)
        #expect(services.count == 2)
    }

    @Test(
        "An invalid answer is refused",
        arguments: [
            "", "{}", "[]", "null", #"{"items":{}}"#, #"{"items":[7]}"#, #"{"items":[{"name":"a","unitPrice":1}]}"#,
            #"{"items":[{"id":1.5,"name":"a"}]}"#, #"{"items":[{"id":1,"name":7}]}"#, #"{"items":[{"id":1}]}"#,
            #"{"items":[{"id":1,"name":"a","unitPrice":"1,00"}]}"#, #"{"items":[{"id":1,"name":"a","unitPrice":1e99}]}"#,
            #"{"items":[{"id":1,"name":"a","billingCodeID":"x"}]}"#, #"{"items":[{"id":1,"name":"a","isActive":"yes"}]}"#,
            #"{"items":[{"id":1,"name":"a","sku":7}]}"#, #"{"items":[{"id":1,"name":"a","unitPri"#, "\u{0}\u{1}garbage", "<html>",
            #"{"item":null}"#,
        ]
    )
    func garbage(body: String) async {
        let session = AutotaskSession.test(ScriptedTransport([.answer(200, body)]))
        let error = await failure { () throws(AutotaskError) in try await session.services(ServiceQuery(ids: [1], markerField: .sku)) }
        #expect(error?.kind == .malformedResponse)
        #expect(error?.isOutcomeUnknown == false)
    }

    @Test("A truncated answer is never accepted as complete")
    func truncated() async throws {
        let whole = Fixture.bytes("services.query.page1.200.json")
        let end = try #require(whole.lastIndex(of: UInt8(ascii: "}")))
        for count in 0..<end {
            let session = AutotaskSession.test(ScriptedTransport([HTTPResponse(status: 200, body: Array(whole.prefix(count)))]))
            let error = await failure { () throws(AutotaskError) in try await session.services(ServiceQuery(ids: [1], markerField: .sku)) }
            #expect(error?.kind == .malformedResponse, "the first \(count) bytes")
        }
    }
}
