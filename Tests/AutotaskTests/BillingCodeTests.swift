import Contract
import HTTP
import Testing

@testable import Autotask

@Suite("Billing codes")
struct BillingCodeTests {
    @Test("A query asks for recurring-service codes and for the given ids")
    func query() async throws {
        let transport = ScriptedTransport([
            .answer(
                200,
                """
                {"items":[{"id":1,"name":"A","description":null,"isActive":true,"useType":5},
                {"id":2,"name":"B","description":"b","isActive":false,"useType":1}],"pageDetails":{"nextPageUrl":null}}
                """
            )
        ])
        let codes = try await AutotaskSession.test(transport).billingCodes(including: [2, 99])
        #expect(
            codes == [
                BillingCode(id: 1, name: "A", description: nil, isActive: true, useType: 5),
                BillingCode(id: 2, name: "B", description: "b", isActive: false, useType: 1),
            ]
        )
        #expect(codes.map(\.isRecurringService) == [true, false])
        #expect(codes.map { BillingCode(json: $0.json) } == codes)
        let request = try #require(transport.requests.first)
        #expect(request.url.hasSuffix("/V1.0/BillingCodes/query"))
        let expected: JSON = [
            "MaxRecords": 500,
            "IncludeFields": ["id", "name", "description", "isActive", "useType"],
            "Filter": [
                [
                    "op": "or",
                    "items": [
                        ["op": "eq", "field": "useType", "value": 5], ["op": "eq", "field": "id", "value": 2],
                        ["op": "eq", "field": "id", "value": 99],
                    ],
                ]
            ],
        ]
        #expect(try JSON(parsing: request.body) == expected)
    }

    @Test("Many ids take several calls, and no code comes twice")
    func chunks() async throws {
        let code = #"{"items":[{"id":7,"name":"A","isActive":true,"useType":5}]}"#
        let transport = ScriptedTransport([.answer(200, code), .answer(200, code)])
        let codes = try await AutotaskSession.test(transport).billingCodes(including: (1...500).map { Int64($0) })
        #expect(codes.map(\.id) == [7])
        #expect(transport.requests.count == 2)
    }

    @Test(
        "An answer that is not a list of billing codes is refused",
        arguments: [#"{"items":[{"name":"A","isActive":true}]}"#, #"{"items":[null]}"#, "{}"]
    )
    func malformed(body: String) async {
        let session = AutotaskSession.test(ScriptedTransport([.answer(200, body)]))
        #expect(await failure { () throws(AutotaskError) in try await session.billingCodes() }?.kind == .malformedResponse)
    }

    @Test("An unreadable code is left out, unless its id was requested")
    func unreadable() async throws {
        let body =
            #"{"Items":[{"Id":"1","Name":"A"},{"id":2,"name":"B","IsActive":"true","useType":"5"},{"id":3,"name":7,"isActive":true}]}"#
        let transport = ScriptedTransport([.answer(200, body), .answer(200, body)])
        let session = AutotaskSession.test(transport)
        #expect(try await session.billingCodes(including: [2]).map(\.id) == [2])
        #expect(await failure { () throws(AutotaskError) in try await session.billingCodes(including: [3]) }?.kind == .malformedResponse)
    }

    @Test(
        "A code without a readable id is left out if all requested ids are present",
        arguments: [#"{"name":"x","isActive":true,"useType":5}"#, #"{"id":"abc","name":"x"}"#, "null", #""nonsense""#]
    )
    func unidentified(item: String) async throws {
        let body = #"{"items":[{"id":1,"name":"A","isActive":true,"useType":5},\#(item)],"pageDetails":{"nextPageUrl":null}}"#
        let session = AutotaskSession.test(ScriptedTransport([.answer(200, body), .answer(200, body), .answer(200, body)]))
        #expect(try await session.billingCodes().map(\.id) == [1])
        #expect(try await session.billingCodes(including: [1]).map(\.id) == [1])
        #expect(await failure { () throws(AutotaskError) in try await session.billingCodes(including: [2]) }?.kind == .malformedResponse)
    }

    @Test("A missing permission is reported in words")
    func permission() async {
        let text = "The logged in Resource does not have the adequate permissions to query this entity type"
        let session = AutotaskSession.test(ScriptedTransport([.failure(text)]))
        let error = await failure { () throws(AutotaskError) in try await session.billingCodes() }
        #expect(
            error?.jobError.message
                == "The API user may not query billing codes. Use security level API User (system) or add the permission."
        )
    }
}
