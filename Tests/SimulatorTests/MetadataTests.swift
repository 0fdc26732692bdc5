import Contract
import Testing

@testable import autotask_simulator

@Suite("Metadata", .timeLimit(.minutes(1)))
struct MetadataTests {
    private func field(_ name: String, of caller: Caller, entity: String = "Services") async throws -> JSON? {
        let fields = try await caller.call("GET", "\(entity)/entityInformation/fields").json?["fields"]?.array ?? []
        return fields.first { $0["name"]?.string == name }
    }

    @Test("describe fields, with picklist values as texts that records hold as numbers")
    func fields() async throws {
        try await withSimulator { _, caller in
            let name = try await field("name", of: caller)
            #expect(name?["length"] == 150)
            #expect(name?["isRequired"] == true)
            let period = try await field("periodType", of: caller)
            #expect(period?["isReadOnly"] == true)
            #expect(period?["isRequired"] == true)
            let choices = period?["picklistValues"]?.array?.map { [$0["value"], $0["label"]] }
            #expect(choices == [["2", "Monthly"], ["3", "Quarterly"], ["4", "Semi-Annual"], ["5", "Yearly"]])
            #expect(try await field("billingCodeID", of: caller)?["referenceEntityType"] == "BillingCode")
            #expect(try await field("useType", of: caller, entity: "BillingCodes")?["isPickList"] == true)
            #expect(try await caller.call("GET", "Services/entityInformation/userDefinedFields").json == ["fields": []])
        }
    }

    @Test("differ from database to database")
    func differences() async throws {
        let other = database([
            "periodTypes": ["Monthly": 12, "Yearly": 15],
            "fields": ["name": ["length": 20], "internalID": ["isMissing": true]],
            "services": [],
        ])
        try await withSimulator(other) { _, caller in
            #expect(try await field("internalID", of: caller) == nil)
            #expect(
                try await caller.query(["op": "eq", "field": "internalID", "value": "x"]).errors == [
                    "Unable to find internalID in the Service Entity"
                ]
            )
            #expect(try await caller.call("POST", "Services", service()).status == 500)
            #expect(
                try await caller.call("POST", "Services", service(["periodType": 12, "name": .string(String(repeating: "n", count: 21))]))
                    .status == 500
            )
            let created = try await caller.call("POST", "Services", service(["periodType": 12, "internalID": "ignored"]))
            #expect(created.status == 200)
            #expect(try await caller.service(try #require(created.itemID))?["internalID"] == nil)
        }
    }

    @Test(
        "list the user's permissions",
        arguments: [
            ("full", "All", "All"), ("readOnly", "All", "None"), ("restrictedVisibility", "Restricted", "Restricted"),
            ("noAccess", "None", "None"),
        ]
    )
    func access(security: String, query: String, write: String) async throws {
        let users: JSON = [["username": "api@msp.example", "secret": "Right-Secret", "security": .string(security)]]
        try await withSimulator(database(["users": users])) { _, caller in
            let info = try await caller.call("GET", "Services/entityInformation").json?["info"]
            #expect(info?["name"] == "Service")
            #expect(info?["canDelete"] == false)
            #expect(info?["userAccessForQuery"] == .string(query))
            #expect(info?["userAccessForCreate"] == .string(write))
            #expect(info?["userAccessForUpdate"] == .string(write))
            #expect(info?["userAccessForDelete"] == "None")
            let codes = try await caller.call("GET", "BillingCodes/entityInformation").json?["info"]
            #expect(codes?["canCreate"] == false)
            #expect(codes?["userAccessForCreate"] == "None")
        }
    }

    @Test("list permissions as numbers if the database is configured so")
    func numbers() async throws {
        try await withSimulator(database(["userAccessAsNumbers": true])) { _, caller in
            let info = try await caller.call("GET", "Services/entityInformation").json?["info"]
            #expect(info?["userAccessForQuery"] == 1)
            #expect(info?["userAccessForDelete"] == 0)
        }
    }
}
