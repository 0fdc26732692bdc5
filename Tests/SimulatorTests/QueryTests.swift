import Contract
import Testing

@testable import autotask_simulator

@Suite("Queries", .timeLimit(.minutes(1)))
struct QueryTests {
    @Test(
        "know every operator",
        arguments: [
            (#"{"op":"eq","field":"id","value":100}"#, [100]),
            (#"{"op":"eq","field":"id","value":"100"}"#, [100]),
            (#"{"op":"noteq","field":"id","value":100}"#, [101]),
            (#"{"op":"gt","field":"id","value":100}"#, [101]),
            (#"{"op":"gte","field":"id","value":100}"#, [100, 101]),
            (#"{"op":"lt","field":"unitPrice","value":20}"#, [100]),
            (#"{"op":"lte","field":"unitPrice","value":20.00}"#, [100, 101]),
            (#"{"op":"beginsWith","field":"name","value":"managed"}"#, [100]),
            (#"{"op":"endsWith","field":"name","value":"WALL"}"#, [101]),
            (#"{"op":"contains","field":"name","value":"D"}"#, [100, 101]),
            (#"{"op":"exist","field":"sku"}"#, [100]),
            (#"{"op":"notExist","field":"unitCost"}"#, [101]),
            (#"{"op":"in","field":"name","value":["managed backup ","x"]}"#, [100]),
            (#"{"op":"notIn","field":"id","value":[100]}"#, [101]),
            (#"{"op":"eq","field":"isActive","value":false}"#, [101]),
            (#"{"op":"noteq","field":"unitCost","value":8}"#, []),
            (#"{"op":"or","items":[{"op":"eq","field":"sku","value":"bk-1"},{"op":"eq","field":"id","value":101}]}"#, [100, 101]),
            (#"{"op":"and","items":[{"op":"gt","field":"id","value":1},{"op":"eq","field":"periodType","value":5}]}"#, [101]),
        ] as [(String, [Int64])]
    )
    func operators(filter: String, matching expected: [Int64]) async throws {
        try await withSimulator { _, caller in
            let ids = try await caller.query(try JSON(parsing: Array(filter.utf8))).ids
            #expect(ids == expected)
        }
    }

    @Test("join the filters of the top level by AND, and accept their keywords in any letter case")
    func topLevel() async throws {
        try await withSimulator { _, caller in
            let body: JSON = [
                "MaxRecords": 10,
                "Filter": [["Op": "GTE", "Field": "ID", "Value": 0], ["op": "eq", "field": "isactive", "value": true]],
            ]
            let ids = try await caller.call("POST", "Services/query", body).ids
            #expect(ids == [100])
        }
    }

    @Test("find names without regard to letter case and trailing spaces")
    func collation() async throws {
        try await withSimulator { _, caller in
            let ids = try await caller.query(["op": "eq", "field": "name", "value": "MANAGED backup  "]).ids
            #expect(ids == [100])
            #expect(try await caller.query(["op": "eq", "field": "name", "value": " Managed Backup"]).ids == [])
        }
    }

    @Test(
        "are refused with HTTP 500 and a text",
        arguments: [
            (#"{"filter":[{"op":"eq","field":"companyName","value":1}]}"#, "Unable to find companyName in the Service Entity"),
            (#"{"filter":[{"op":"exist","field":"id"}],"includeFields":["nope"]}"#, "Unable to find nope in the Service Entity"),
            (#"{"filter":[{"op":"eq","field":"x","value":1,"udf":true}]}"#, "Unable to find x in the Service Entity"),
            (#"{"filter":[{"op":"like","field":"name","value":"a"}]}"#, "Invalid query syntax."),
            (#"{"filter":[{"op":"eq","field":"isActive","value":"true"}]}"#, "Invalid query syntax."),
            (#"{"filter":[{"op":"eq","field":"isActive","value":null}]}"#, "Invalid query syntax."),
            (#"{"filter":[{"op":"in","field":"id","value":[]}]}"#, "Invalid query syntax."),
            (#"{"filter":[]}"#, "Value cannot be null.\r\nParameter name: filter"),
            (#"{"maxRecords":0,"filter":[{"op":"exist","field":"id"}]}"#, "MaxRecords must be a number from 1 to 500."),
            (#"{"maxRecords":501,"filter":[{"op":"exist","field":"id"}]}"#, "MaxRecords must be a number from 1 to 500."),
            ("not JSON", "Value cannot be null.\r\nParameter name: queryModel"),
        ]
    )
    func refusals(body: String, message: String) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.send("POST", "/zone/AE02/ATServicesRest/V1.0/Services/query", Array(body.utf8))
            #expect(reply.status == 500)
            #expect(reply.errors == [message])
        }
    }

    /// A filter for any of `names` names, or one of `ids` ids.
    private func filter(names: Int, ids: Int) -> JSON {
        let equal = (0..<names).map { number -> JSON in ["op": "eq", "field": "name", "value": .string("n\(number)")] }
        let member: JSON = ["op": "in", "field": "id", "value": .array((1...ids).map { .integer($0) })]
        return ["op": "or", "items": .array(equal + [member])]
    }

    @Test("with more than 500 OR conditions are refused, and each value of an in-list counts as one")
    func tooManyConditions() async throws {
        try await withSimulator { _, caller in
            #expect(try await caller.query(filter(names: 400, ids: 100)).ids == [100])
            let refused = try await caller.query(filter(names: 400, ids: 101))
            #expect(refused.status == 500)
            #expect(refused.errors == ["Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions."])
        }
    }

    @Test("by POST continue only by POST, with the same body")
    func postPaging() async throws {
        try await withSimulator { _, caller in
            let body: JSON = ["maxRecords": 1, "filter": [["op": "gte", "field": "id", "value": 0]]]
            let first = try await caller.call("POST", "Services/query", body)
            #expect(first.ids == [100])
            #expect(first.json?["pageDetails"]?["count"] == 1)
            #expect(first.json?["pageDetails"]?["requestCount"] == 1)
            let next = try #require(first.nextPage)
            #expect(try await caller.send("GET", next).status == 405)
            let empty = try await caller.send("POST", next)
            #expect(empty.status == 500)
            #expect(empty.errors == ["Value cannot be null.\r\nParameter name: queryModel"])
            let second = try await caller.send("POST", next, body.encoded)
            #expect(second.ids == [101])
            #expect(second.nextPage == nil)
        }
    }

    @Test("by GET continue by GET")
    func getPaging() async throws {
        try await withSimulator { _, caller in
            let search = #"{"maxRecords":1,"filter":[{"op":"contains","field":"name","value":"a"}]}"#.percentEncoded
            let first = try await caller.call("GET", "Services/query?search=\(search)")
            #expect(first.ids == [100])
            let second = try await caller.send("GET", try #require(first.nextPage))
            #expect(second.ids == [101])
            #expect(second.json?["pageDetails"]?["nextPageUrl"] == .null)
        }
    }

    @Test("return at most 500 records, and link to the rest")
    func pageSize() async throws {
        let services = (1...501).map { number -> JSON in
            ["id": .integer(number), "name": .string("S\(number)"), "unitPrice": 1, "billingCodeID": 5001, "periodType": 2]
        }
        try await withSimulator(database(["services": .array(services)])) { _, caller in
            let first = try await caller.query(["op": "exist", "field": "id"])
            #expect(first.ids == Array(1...500))
            #expect(first.json?["pageDetails"]?["requestCount"] == 500)
            #expect(first.nextPage != nil)
            #expect(try await caller.query(["op": "gt", "field": "id", "value": 500]).ids == [501])
        }
    }

    @Test("count, and show only the requested fields")
    func countAndFields() async throws {
        try await withSimulator { _, caller in
            let body: JSON = ["filter": [["op": "exist", "field": "id"]], "IncludeFields": ["Id", "NAME"]]
            #expect(try await caller.call("POST", "Services/query/count", body).json == ["queryCount": 2])
            let item = try await caller.call("POST", "Services/query", body).items.first
            #expect(item == ["id": 100, "name": "Managed Backup", "userDefinedFields": []])
        }
    }

    @Test("for one id answer null if it does not exist")
    func missingID() async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.call("GET", "Services/999")
            #expect(reply.status == 200)
            #expect(reply.json == ["item": .null])
        }
    }

    @Test("compare createDate by its day")
    func createDate() async throws {
        try await withSimulator { _, caller in
            let created = try #require(try await caller.service(100)?["createDate"]?.string)
            let earlier = created.prefix(10) + "T00:00:00Z"
            #expect(try await caller.query(["op": "eq", "field": "createDate", "value": .string(String(earlier))]).ids == [100, 101])
            #expect(try await caller.query(["op": "gt", "field": "createDate", "value": .string(String(earlier))]).ids == [])
        }
    }

    @Test("find the active recurring billing codes")
    func billingCodes() async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.query(
                ["op": "eq", "field": "useType", "value": 5],
                ["op": "eq", "field": "isActive", "value": true],
                entity: "BillingCodes"
            )
            #expect(reply.ids == [5001, 5004])
            #expect(reply.items.first?["name"] == "Recurring")
        }
    }

    @Test("see nothing with restricted visibility, are refused without the permission, and omit hidden costs")
    func permissions() async throws {
        try await withSimulator { _, caller in
            func set(_ security: JSON) async throws {
                try await caller.change(["users": [["username": "api@msp.example", "security": security]]])
            }
            try await set("restrictedVisibility")
            #expect(try await caller.query(["op": "exist", "field": "id"]).ids == [])
            #expect(try await caller.service(100) == .null)
            try await set("noAccess")
            let refused = try await caller.query(["op": "exist", "field": "id"])
            #expect(refused.status == 500)
            #expect(refused.errors == ["The logged in Resource does not have the adequate permissions to query this entity type"])
            try await set("cannotReadCosts")
            #expect(try await caller.service(100)?["unitCost"] == .null)
            #expect(try await caller.query(["op": "exist", "field": "unitCost"]).ids == [])
        }
    }
}
