import Contract
import HTTP
import Testing

@testable import Autotask

/// Each case is a malformed response. It ends only the call, and is cheap to detect.
@Suite("Hostile answers")
struct HostileAnswerTests {
    private static let query = ServiceQuery(ids: [1], markerField: .internalID)

    private func services(_ responses: [HTTPResponse]) async -> (error: AutotaskError?, calls: Int) {
        let transport = ScriptedTransport(responses)
        let error = await failure { () throws(AutotaskError) in
            try await AutotaskSession.test(transport).services(HostileAnswerTests.query)
        }
        return (error, transport.requests.count)
    }

    /// A page of records with these ids, whose link promises another.
    private func page(_ ids: some Sequence<Int>, padding: Int = 0, elapsed: Duration = .zero) -> HTTPResponse {
        let items = ids.map { id -> JSON in ["id": JSON(id), "name": .string("S\(id)")] }
        let body: JSON = [
            "items": .array(items), "pageDetails": ["nextPageUrl": "https://evil.example/next"],
            "padding": .string(String(repeating: " ", count: padding)),
        ]
        return HTTPResponse(status: 200, body: body.encoded, elapsed: elapsed)
    }

    private func item(_ members: String) -> HTTPResponse {
        .answer(200, #"{"items":[{\#(members)}],"pageDetails":{"nextPageUrl":null}}"#)
    }

    // MARK: Pages

    @Test("A query's pages end after a hundred, even if they are valid")
    func manyPages() async {
        let (error, calls) = await services((0..<10_000).map { page([$0]) })
        #expect(error?.kind == .malformedResponse)
        #expect(calls == 101)
    }

    @Test("A query's pages together are no larger than one answer may be")
    func largePages() async {
        let (error, calls) = await services((0..<100).map { page([$0], padding: 1 << 20) })
        #expect(error?.kind == .malformedResponse)
        #expect(calls == 3)
    }

    @Test("A query's pages take no longer than the time limit")
    func slowPages() async {
        let (error, calls) = await services((0..<100).map { page([$0], elapsed: .seconds(29)) })
        #expect(error?.kind == .timedOut)
        #expect(calls == 5)
    }

    @Test(
        "A page that repeats the previous page, or itself, ends the query",
        arguments: [[[1, 2], [1, 2]], [[1, 1]], [[2, 1]], [[1, 2], [2, 3]], [[]]]
    )
    func repeatedIDs(pages: [[Int]]) async {
        let (error, calls) = await services(pages.map { page($0) })
        #expect(error?.kind == .malformedResponse)
        #expect(calls == pages.count)
    }

    @Test("The last page repeats no record either")
    func repeatedLast() async {
        let last = #"{"items":[{"id":1,"name":"a"},{"id":1,"name":"a"}],"pageDetails":{"nextPageUrl":null}}"#
        #expect(await services([.answer(200, last)]).error?.kind == .malformedResponse)
        #expect(await services([page([1, 2]), .answer(200, last)]).error?.kind == .malformedResponse)
    }

    @Test("A page holds no more records than were requested")
    func largePage() async {
        #expect(await services([page(1...501)]).error?.kind == .malformedResponse)
    }

    @Test("The next page is requested from the same place, wherever its link leads")
    func links() async {
        let transport = ScriptedTransport([page([1]), .answer(200, #"{"items":[]}"#)])
        _ = try? await AutotaskSession.test(transport).services(HostileAnswerTests.query)
        #expect(Set(transport.requests.map(\.url)) == ["https://webservices14.autotask.net/ATServicesRest/V1.0/Services/query"])
    }

    // MARK: Records

    @Test(
        "A record with impossible values is not a record",
        arguments: [
            #""id":9223372036854775808,"name":"a""#, #""id":1e30,"name":"a""#, #""id":1.5,"name":"a""#, #""id":"0x7","name":"a""#,
            #""id":null,"name":"a""#, #""id":1"#, #""id":1,"name":7"#, #""id":1,"name":"a","unitPrice":1e308"#,
            #""id":1,"name":"a","unitPrice":"1,5""#, #""id":1,"name":"a","unitPrice":NaN"#, #""id":1,"name":"a","unitPrice":Infinity"#,
            #""id":1,"name":"a","unitPrice":99999999999999999999999999"#, #""id":1,"name":"a","billingCodeID":18446744073709551616"#,
            #""id":1,"name":"a","isActive":"yes""#, #""id":1,"id":2,"name":"a""#, #""id":1,"name":"a","id":1"#,
            #""id":1,"name":"a","internalID":[]"#, #""id":1,"name":"\ud800""#,
        ]
    )
    func records(members: String) async {
        #expect(await services([item(members)]).error?.kind == .malformedResponse)
    }

    @Test(
        "An unreadable record is left out if it cannot be ours, and reported if it may be",
        arguments: [
            (#""id":7,"name":7"#, [1]), (#""id":7,"name":null"#, [1]), (#""Id":"7","Name":"b","unitPrice":"x""#, [1, 7]),
            (#""id":7,"name":"\ud800""#, [1]), (#""id":7,"name":"b","periodType":[]"#, [1, 7]),
            (#""id":7,"name":"b","internalID":7"#, [1, 7]),
            (#""id":7,"name":"b","unitPrice":{},"internalID":"mark""#, nil),
            (#""id":7,"name":"b","unitPrice":{},"internalID":"theirs""#, [1, 7]),
            (#""id":2,"name":"b","unitPrice":{}"#, nil), (#""name":"b""#, nil), (#""id":7.5,"name":"b""#, nil),
            (#""id":7,"name":"\#(String(repeating: "x", count: 1001))""#, nil),
        ] as [(String, [Int64]?)]
    )
    func unreadableRecord(members: String, ids: [Int64]?) async {
        let body = #"{"items":[{"id":1,"name":"a"},{\#(members)}],"pageDetails":{"nextPageUrl":""}}"#
        let query = ServiceQuery(ids: [1, 2], names: ["a", "b"], markers: ["mark"], markerField: .internalID)
        let session = AutotaskSession.test(ScriptedTransport([.answer(200, body)]))
        let found = try? await session.services(query)
        #expect(found?.map(\.id) == ids)
    }

    @Test(
        "A record without a readable id is left out if all requested records are present",
        arguments: ["null", "7", #"{"name":"a"}"#, #"{"id":null,"name":"c"}"#, #"{"id":7.5,"name":"c","internalID":"mark"}"#]
    )
    func unidentified(item: String) async {
        let found = #"{"id":1,"name":"a","internalID":"mark"}"#
        let body = #"{"items":[\#(found),\#(item)],"pageDetails":{"nextPageUrl":null}}"#
        for (query, isRead) in [
            (ServiceQuery(ids: [1], names: ["a"], markers: ["mark"], markerField: .internalID), true),
            (ServiceQuery(ids: [1], markerField: nil), true),
            (ServiceQuery(ids: [1, 2], names: ["a"], markers: ["mark"], markerField: .internalID), false),
            (ServiceQuery(ids: [1], names: ["a", "b"], markers: ["mark"], markerField: .internalID), false),
            (ServiceQuery(ids: [1], names: ["a"], markers: ["mark", "other"], markerField: .internalID), false),
        ] {
            let services = try? await AutotaskSession.test(ScriptedTransport([.answer(200, body)])).services(query)
            #expect(services?.map(\.id) == (isRead ? [1] : nil), "\(query)")
        }
    }

    @Test("A blank link to a next page is no link", arguments: ["null", #""""#, #""  ""#, #""\t\r\n""#, "false", "0"])
    func blankLink(link: String) async throws {
        let body = #"\#u{FEFF}{"Items":[{"ID":"1","Name":"a","UnitPrice":"9.5","IsActive":"True"}],"PageDetails":{"NextPageUrl":\#(link)}}"#
        let services = try await AutotaskSession.test(ScriptedTransport([.answer(200, body)])).services(HostileAnswerTests.query)
        #expect(services.map(\.id) == [1] && services[0].fields.unitPrice == Money(contract: "9.5") && services[0].isActive == true)
    }

    @Test("A text that is longer than any of Autotask's is not read", arguments: ["name", "internalID"])
    func longText(field: String) async {
        for (count, isRead) in [(1000, true), (1001, false)] {
            let text = #""\#(String(repeating: "x", count: count))""#
            let members = field == "name" ? #""id":1,"name":\#(text)"# : #""id":1,"name":"a","\#(field)":\#(text)"#
            #expect(await services([item(members)]).error?.kind == (isRead ? nil : .malformedResponse))
        }
    }

    @Test("The answer to a change of one service cannot be another service's")
    func otherService() async {
        let transport = ScriptedTransport([.answer(200, #"{"itemId":8}"#)])
        let error = await failure { () throws(AutotaskError) in
            try await AutotaskSession.test(transport).write(ServiceWrite(id: 7, fields: ManagedFields(name: "a")))
        }
        #expect(error?.kind == .malformedResponse)
        #expect(error?.isOutcomeUnknown == true)
    }

    @Test(
        "A create's answer without a possible id leaves its outcome unknown",
        arguments: ["-1", "0", "9223372036854775808", "null", "{}"]
    )
    func createdID(id: String) async {
        let transport = ScriptedTransport([.answer(200, #"{"itemId":\#(id)}"#)])
        let service = ServiceWrite(
            fields: ManagedFields(name: "a", unitPrice: Money(tenThousandths: 10_000), billingCodeID: 1, periodType: 1)
        )
        let error = await failure { () throws(AutotaskError) in _ = try await AutotaskSession.test(transport).write(service) }
        #expect(error?.isOutcomeUnknown == true)
    }

    // MARK: Bodies

    @Test(
        "A body that is not JSON, or is too large, is not read",
        arguments: [
            String(repeating: "[", count: 100_000), "[" + String(repeating: "0,", count: 300_000) + "0]",
            String(repeating: #"{"a":"#, count: 40) + "0" + String(repeating: "}", count: 40),
            "<!DOCTYPE html><title>Please wait</title>", "{\"items\":[]", "{\"items\":[]}{\"items\":[]}", "\u{FEFF}\u{FEFF}{}", "'",
        ]
    )
    func bodies(body: String) async {
        #expect(await services([.answer(200, body)]).error?.kind == .malformedResponse)
    }

    @Test("No call accepts more of an answer than its limit")
    func sizes() async throws {
        let transport = ScriptedTransport([.fixture("zone-known-user.200.json"), .answer(200, #"{"items":[]}"#)])
        _ = try await ZoneDirectory(transport: transport, lookupURL: "https://webservices.autotask.net").zone(
            forUserOf: .test(username: "u")
        )
        _ = try await AutotaskSession.test(transport).services(HostileAnswerTests.query)
        #expect(transport.requests.map(\.maximumResponseBytes) == [64 << 10, 3 << 20])
    }

    @Test("A zone with an endless name or address is refused")
    func longZone() async {
        for zone in [
            #"{"zoneName":"\#(String(repeating: "x", count: 1001))","url":"https://a.autotask.net/","webUrl":"https://b.autotask.net/","ci":1}"#,
            #"{"zoneName":"x","url":"https://a.autotask.net/\#(String(repeating: "x", count: 1000))","webUrl":"https://b.autotask.net/","ci":1}"#,
        ] {
            let transport = ScriptedTransport([.answer(200, zone)])
            let error = await failure { () throws(AutotaskError) in
                try await ZoneDirectory(transport: transport, lookupURL: "https://webservices.autotask.net").zone(
                    forUserOf: .test(username: "u")
                )
            }
            #expect(error?.kind == .malformedResponse)
        }
    }
}
