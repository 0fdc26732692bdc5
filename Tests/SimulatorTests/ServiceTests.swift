import Contract
import Testing

@testable import autotask_simulator

@Suite("Services", .timeLimit(.minutes(1)))
struct ServiceTests {
    @Test("are created active, with all values as sent")
    func create() async throws {
        try await withSimulator { _, caller in
            let created = try await caller.call(
                "POST",
                "Services",
                service(["name": "Wörkplace 'x' ", "unitCost": .number("4.5"), "internalID": "marker", "bogus": 1])
            )
            #expect(created.status == 200)
            #expect(created.json == ["itemId": 102])
            let item = try await caller.service(102)
            #expect(item?["name"] == "Wörkplace 'x' ")
            #expect(item?["unitPrice"] == .number("9.0"))
            #expect(item?["unitCost"] == .number("4.5"))
            #expect(item?["isActive"] == true)
            #expect(item?["internalID"] == "marker")
            #expect(item?["periodType"] == 2)
        }
    }

    @Test("keep money exactly, to four places, and may have negative prices")
    func money() async throws {
        try await withSimulator { _, caller in
            let prices: JSON = service(["unitPrice": .number("-1234567.12345"), "unitCost": .number("0.0125")])
            let id = try #require(try await caller.call("POST", "Services", prices).itemID)
            let item = try await caller.service(id)
            #expect(item?["unitPrice"] == .number("-1234567.1235"))
            #expect(item?["unitCost"] == .number("0.0125"))
        }
    }

    @Test(
        "are refused with HTTP 500 and a text for each fault",
        arguments: [
            (["name": .null], "Service: name is required."),
            (["name": ""], "Service: name is required."),
            (["unitPrice": .null], "Service: unitPrice is required."),
            (["periodType": .null], "Service: periodType is required."),
            (["billingCodeID": .null], "Service: billingCodeID is required."),
            (["periodType": 9], "Value does not reference an existing entity for periodType . "),
            (["billingCodeID": 4999], "BillingCode does not exist or is invalid"),
            (["billingCodeID": 5002], "BillingCode does not exist or is invalid"),
            (["billingCodeID": 5003], "BillingCode does not exist or is invalid"),
            (["name": .string(String(repeating: "é", count: 151))], "The length of name must not exceed 150 characters."),
            (["unitPrice": "abc"], #"Error converting value "abc". Path 'unitPrice'."#),
        ] as [(JSON, String)]
    )
    func refusals(changes: JSON, message: String) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.call("POST", "Services", service(changes))
            #expect(reply.status == 500)
            #expect(reply.errors == [message])
            #expect(try await caller.query(["op": "exist", "field": "id"]).ids == [100, 101])
        }
    }

    @Test("are refused without a body, and with one that is not JSON", arguments: ["", "not JSON", "[]"])
    func noBody(body: String) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.send("POST", "/zone/AE02/ATServicesRest/V1.0/Services", Array(body.utf8))
            #expect(reply.status == 500)
            #expect(reply.errors == ["Value cannot be null.\r\nParameter name: entity"])
        }
    }

    @Test("change by PATCH at the collection, and only in the members sent")
    func patch() async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.call("PATCH", "Services", ["id": 100, "unitPrice": .number("13.00")])
            #expect(reply.json == ["itemId": 100])
            let item = try await caller.service(100)
            #expect(item?["unitPrice"] == .number("13.0"))
            #expect(item?["unitCost"] == .number("8.0"))
            #expect(item?["name"] == "Managed Backup")
            #expect(item?["sku"] == "BK-1")
        }
    }

    @Test("silently ignore read-only fields in a PATCH")
    func readOnly() async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.call("PATCH", "Services", ["id": 100, "periodType": 5, "createDate": "2001-01-01T00:00:00Z"])
            #expect(reply.status == 200)
            let item = try await caller.service(100)
            #expect(item?["periodType"] == 2)
            #expect(item?["createDate"]?.string?.hasPrefix("2001") == false)
        }
    }

    @Test("change their period if the database's metadata allow it")
    func writablePeriod() async throws {
        try await withSimulator(database(["fields": ["periodType": ["isReadOnly": false]]])) { _, caller in
            _ = try await caller.call("PATCH", "Services", ["id": 100, "periodType": 5])
            #expect(try await caller.service(100)?["periodType"] == 5)
            #expect(try await caller.call("PATCH", "Services", ["id": 100, "periodType": 9]).status == 500)
        }
    }

    @Test("lose omitted members by PUT")
    func put() async throws {
        try await withSimulator { _, caller in
            let body: JSON = ["id": 100, "name": "Managed Backup", "unitPrice": 1, "billingCodeID": 5001]
            #expect(try await caller.call("PUT", "Services", body).json == ["itemId": 100])
            let item = try await caller.service(100)
            #expect(item?["sku"] == .null)
            #expect(item?["unitCost"] == .null)
            #expect(item?["isActive"] == false)
            #expect(item?["periodType"] == 2)
            #expect(try await caller.call("PUT", "Services", ["id": 100]).status == 500)
        }
    }

    @Test("that do not exist cannot be changed", arguments: [["id": 999, "unitPrice": 1], ["unitPrice": 1], ["id": .null]] as [JSON])
    func nothingToUpdate(body: JSON) async throws {
        try await withSimulator { _, caller in
            let reply = try await caller.call("PATCH", "Services", body)
            #expect(reply.status == 500)
            #expect(reply.errors.first?.contains("No matching records found.") == true)
        }
    }

    @Test("may keep a billing code that is no longer active, but cannot be given one")
    func inactiveBillingCode() async throws {
        try await withSimulator { _, caller in
            let status = try await caller.call("PATCH", "Services", ["id": 101, "billingCodeID": 5002, "unitPrice": 21]).status
            #expect(status == 200)
            #expect(try await caller.call("PATCH", "Services", ["id": 100, "billingCodeID": 5002]).errors.count == 1)
            #expect(try await caller.call("PATCH", "Services", ["id": 101, "billingCodeID": 5004]).status == 200)
            #expect(try await caller.call("PATCH", "Services", ["id": 101, "billingCodeID": 5002]).status == 500)
        }
    }

    @Test("have unique names among active and inactive ones, without regard to letter case and trailing spaces")
    func uniqueNames() async throws {
        try await withSimulator { _, caller in
            let created = try await caller.call("POST", "Services", service(["name": "OLD firewall "]))
            #expect(created.status == 500)
            #expect(
                created.errors == [
                    "Violation of UNIQUE KEY constraint 'IX_service'. Cannot insert duplicate key in object 'dbo.Service'. "
                        + "The duplicate key value is (OLD firewall )."
                ]
            )
            #expect(try await caller.call("PATCH", "Services", ["id": 100, "name": "Old Firewall"]).status == 500)
            #expect(try await caller.call("PATCH", "Services", ["id": 100, "name": "MANAGED BACKUP"]).status == 200)
        }
    }

    @Test("may share names if the database has no such index")
    func sharedNames() async throws {
        try await withSimulator(database(["uniqueServiceNames": false])) { _, caller in
            let status = try await caller.call("POST", "Services", service(["name": "Old Firewall"])).status
            #expect(status == 200)
        }
    }

    @Test("silently ignore the costs of users who cannot see them, and show them none")
    func hiddenCosts() async throws {
        let users: JSON = [["username": "api@msp.example", "secret": "Right-Secret", "security": "cannotReadCosts"]]
        try await withSimulator(database(["users": users])) { _, caller in
            #expect(try await caller.call("POST", "Services", service(["unitCost": 5])).json == ["itemId": 102])
            #expect(try await caller.call("PATCH", "Services", ["id": 100, "unitCost": 7]).status == 200)
            #expect(try await caller.service(100)?["unitCost"] == .null)
            let stored = try await caller.control("GET", "databases/123456/services").json?["services"]?.array ?? []
            #expect(stored.map { $0["unitCost"] } == [.number("8.0"), .null, .null])
        }
    }

    @Test("show costs as zero to users of databases that hide them so, and silently ignore the costs they send")
    func costsAsZero() async throws {
        let users: JSON = [["username": "api@msp.example", "secret": "Right-Secret", "security": "costsReadAsZero"]]
        try await withSimulator(database(["users": users])) { _, caller in
            #expect(try await caller.call("PATCH", "Services", ["id": 100, "unitCost": 7]).status == 200)
            #expect(try await caller.service(100)?["unitCost"] == .number("0.0"))
            let stored = try await caller.control("GET", "databases/123456/services").json?["services"]?.array ?? []
            #expect(stored.first?["unitCost"] == .number("8.0"))
        }
    }

    @Test(
        "are found, and hold their names, as the database's collation compares",
        arguments: [
            ("width", "Ｍanaged　Backup"), ("kana", "らいせんす"), ("accents", "Mänaged Backup"), ("expansions", "Managed Baßkup"),
            ("weightless", "Man\u{200B}aged Backup"),
        ]
    )
    func collations(ignored: String, name: String) async throws {
        let stored = ["kana": "ライセンス", "expansions": "Managed Basskup"][ignored] ?? "Managed Backup"
        for isIgnored in [true, false] {
            let members: JSON = isIgnored ? ["collation": [.string(ignored)]] : [:]
            try await withSimulator(database(members)) { _, caller in
                try await caller.change(["services": [["id": 100, "name": .string(stored)]]])
                for condition in [
                    ["op": "eq", "field": "name", "value": .string(name)], ["op": "in", "field": "name", "value": [.string(name)]],
                ] as [JSON] {
                    let ids = try await caller.query(condition).ids
                    #expect(ids == (isIgnored ? [100] : []), "\(condition)")
                }
                let status = try await caller.call("POST", "Services", service(["name": .string(name)])).status
                #expect(status == (isIgnored ? 500 : 200))
            }
        }
    }

    @Test("cannot be written without the permission: HTTP 500")
    func readOnlyUser() async throws {
        let users: JSON = [["username": "api@msp.example", "secret": "Right-Secret", "security": "readOnly"]]
        try await withSimulator(database(["users": users])) { _, caller in
            for (method, verb) in [("POST", "create"), ("PATCH", "update"), ("PUT", "update")] {
                let reply = try await caller.call(method, "Services", service(["id": 100]))
                #expect(reply.status == 500)
                #expect(reply.errors == ["The logged in Resource does not have the adequate permissions to \(verb) this entity type."])
            }
            #expect(try await caller.query(["op": "exist", "field": "id"]).ids == [100, 101])
        }
    }

    @Test("that a user cannot see still hold their names")
    func invisibleConflict() async throws {
        let users: JSON = [["username": "api@msp.example", "secret": "Right-Secret", "security": "restrictedVisibility"]]
        try await withSimulator(database(["users": users])) { _, caller in
            let ids = try await caller.query(["op": "eq", "field": "name", "value": "Managed Backup"]).ids
            #expect(ids == [])
            #expect(try await caller.call("POST", "Services", service(["name": "Managed Backup"])).errors.count == 1)
            #expect(try await caller.call("PATCH", "Services", ["id": 100, "unitPrice": 1]).status == 500)
        }
    }
}
