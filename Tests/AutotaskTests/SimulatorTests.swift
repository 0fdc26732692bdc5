import Contract
import HTTP
import Logging
import Secrets
import Testing

@testable import Autotask

/// The client against a simulator that behaves like Autotask, over the transport of the product.
@Suite(
    "With a simulated Autotask",
    .enabled(if: SimulatedDatabase.simulator != nil, "TEST_SIMULATOR_URL names no simulator"),
    .timeLimit(.minutes(2))
)
struct SimulatorTests {
    /// One transport for all tests, as the worker has one for all tenants.
    private static let sharedTransport = Result { () throws -> CurlTransport in
        try CurlTransport(
            configuration: CurlTransport.Configuration(hosts: HostPolicy(additionalHosts: [SimulatedDatabase.host])),
            logger: Logger(label: "test")
        )
    }

    private let transport: CurlTransport
    private let marker = ServiceMarker(field: .internalID, value: "0123456789abcdef0123456789abcdef")

    init() throws {
        transport = try SimulatorTests.sharedTransport.get()
    }

    private func money(_ text: String) throws -> Money { try #require(Money(contract: text)) }

    private func gold(name: String = "Gold", code: Int64 = SimulatedDatabase.billingCode) throws -> ServiceWrite {
        ServiceWrite(
            fields: ManagedFields(
                name: name,
                unitPrice: try money("34.55"),
                unitCost: try money("28.19"),
                billingCodeID: code,
                periodType: 2
            ),
            marker: marker
        )
    }

    private func error<Value>(_ body: () async throws -> Value) async throws -> AutotaskError {
        do { _ = try await body() } catch let error as AutotaskError { return error }
        throw SimulatorError(text: "the call succeeded")
    }

    @Test("A connection is probed from the user name to the fields")
    func connection() async throws {
        let database = try await SimulatedDatabase()
        let found = try await database.directory(transport).zone(forUserOf: .test(username: database.username))
        #expect(found.databaseID == database.id)
        #expect(found.zone.name == "AE02")
        let session = try await database.session(transport)
        try await session.version()
        #expect(
            try await session.serviceAccess()
                == Capabilities(canQueryServices: true, canCreateServices: true, canUpdateServices: true, costVisible: nil)
        )
        let fields = try await session.serviceFields()
        #expect(fields.monthlyPeriodType == 2 && fields.yearlyPeriodType == 5)
        #expect(fields.maximumNameLength == 150)
        #expect(fields.markerField == .internalID)
        #expect(!fields.isPeriodUpdatable)
    }

    @Test("Metadata differ from tenant to tenant")
    func metadata() async throws {
        let database = try await SimulatedDatabase([
            "periodTypes": ["Monthly": 12, "Quarterly": 13], "userAccessAsNumbers": true,
            "fields": ["name": ["length": 80], "internalID": ["isMissing": true], "periodType": ["isReadOnly": false]],
        ])
        let session = try await database.session(transport)
        #expect(try await session.serviceAccess().canCreateServices)
        let fields = try await session.serviceFields()
        #expect(fields.monthlyPeriodType == 12 && fields.yearlyPeriodType == nil)
        #expect(fields.maximumNameLength == 80 && fields.markerField == .sku && fields.isPeriodUpdatable)
    }

    @Test(
        "Credentials of any characters reach the server unchanged",
        arguments: [
            (nil, #"é:;%"\"#), ("+ü&=#?@demo.example", "plain"), (nil, String(repeating: "x9%", count: 100)), (nil, "日本語🔑"),
        ]
    )
    func oddCredentials(username: String?, secret: String) async throws {
        let database = try await SimulatedDatabase(username: username, secret: secret)
        try await database.session(transport).version()
    }

    @Test("Wrong credentials are distinguished as far as Autotask distinguishes them")
    func wrongCredentials() async throws {
        let database = try await SimulatedDatabase(["integrationCodeFailure": "text500", "lockAfterFailures": 2])
        #expect(
            try await error { try await database.directory(transport).zone(forUserOf: .test(username: "nobody-\(database.id)")) }.kind
                == .zoneNotFound
        )
        let wrong = try await database.session(transport, secret: Array("wrong".utf8))
        #expect(try await error { try await wrong.version() }.kind == .unauthorized)
        try await database.session(transport).version()
        #expect(try await error { try await wrong.version() }.kind == .unauthorized)
        #expect(try await error { try await wrong.version() }.kind == .unauthorized)
        let locked = try await error { try await database.session(transport).version() }
        #expect(locked.kind == .unauthorized && locked.remoteMessage == nil)
        try await database.change(["users": [["username": .string(database.username), "isLocked": false]], "integrationCodes": ["OTHER"]])
        #expect(try await error { try await database.session(transport).version() }.kind == .trackingIDRejected)
    }

    @Test("A service is created, found in every way, changed and read back, to the last digit")
    func roundTrip() async throws {
        let database = try await SimulatedDatabase()
        let session = try await database.session(transport)
        let name = #"Zoë's "Gold" \ plan 🎉 %"#
        let id = try await session.write(try gold(name: name))
        for query in [
            ServiceQuery(ids: [id], markerField: .internalID), ServiceQuery(names: [name], markerField: .internalID),
            ServiceQuery(markers: [marker.value], markerField: .internalID),
        ] {
            #expect(
                try await session.services(query) == [
                    AutotaskService(
                        id: id,
                        fields: ManagedFields(
                            name: name,
                            unitPrice: try money("34.55"),
                            unitCost: try money("28.19"),
                            billingCodeID: SimulatedDatabase.billingCode,
                            periodType: 2
                        ),
                        isActive: true,
                        marker: marker.value
                    )
                ]
            )
        }
        for text in ["0.0001", "123456789012.1234", "10", "0"] {
            _ = try await session.write(ServiceWrite(id: id, fields: ManagedFields(unitPrice: try money(text))))
            let service = try #require(try await session.services(ServiceQuery(ids: [id], markerField: .internalID)).first)
            #expect(service.fields.unitPrice == Money(contract: text))
            #expect(service.fields.unitCost == Money(contract: "28.19") && service.name == name && service.marker == marker.value)
        }
        let patches = try await database.calls().filter { $0["operation"] == "patch" }
        #expect(patches.first?["body"] == .object(["id": JSON(id), "unitPrice": .number("0.0001")]))
    }

    @Test("More than one page and more than 500 conditions are read completely")
    func many() async throws {
        let services = (1...1203).map { number -> JSON in
            [
                "id": JSON(number), "name": .string(number <= 620 ? "Same" : "S\(number)"), "unitPrice": 1, "billingCodeID": 29_683_001,
                "periodType": 2,
            ]
        }
        let database = try await SimulatedDatabase(["services": .array(services), "uniqueServiceNames": false])
        let session = try await database.session(transport)
        #expect(try await session.services(ServiceQuery(names: ["Same"], markerField: nil)).map(\.id) == (1...620).map { Int64($0) })
        let all = ServiceQuery(ids: (1...1203).map { Int64($0) }, names: ["Same"], markerField: nil)
        #expect(try await session.services(all).map(\.id).sorted() == (1...1203).map { Int64($0) })
        let statuses = try await database.calls().map { $0["status"] }
        #expect(statuses.allSatisfy { $0 == 200 })
    }

    @Test("A taken name is reported as taken")
    func duplicate() async throws {
        let database = try await SimulatedDatabase()
        let session = try await database.session(transport)
        _ = try await session.write(try gold())
        let error = try await error { try await session.write(try gold()) }
        #expect(error.kind == .duplicateName && !error.isOutcomeUnknown)
        #expect(try await database.services().count == 1)
    }

    @Test("Missing permissions are reported, and hidden records are absent")
    func permissions() async throws {
        let reader = try await SimulatedDatabase(user: ["security": "readOnly"])
        let session = try await reader.session(transport)
        #expect(try await session.serviceAccess().canCreateServices == false)
        #expect(
            try await error { try await session.write(try gold()) }.kind == .permissionDenied(verb: "create", object: "services")
        )
        let blind = try await SimulatedDatabase(user: ["security": "noAccess"]).session(transport)
        #expect(try await error { try await blind.billingCodes() }.kind == .permissionDenied(verb: "query", object: "billing codes"))
        let costless = try await SimulatedDatabase(user: ["security": "cannotReadCosts"])
        let id = try await costless.session(transport).write(try gold())
        let service = try await costless.session(transport).services(ServiceQuery(ids: [id], markerField: nil)).first
        #expect(service?.fields.unitPrice == Money(contract: "34.55"))
        #expect(service?.fields.unitCost == nil)
    }

    @Test("Billing codes are found by their type and by their ids")
    func billingCodes() async throws {
        let codes: JSON = [
            ["id": 1, "name": "A", "useType": 5], ["id": 2, "name": "B", "useType": 5, "isActive": false],
            ["id": 3, "name": "C", "useType": 1],
            ["id": 4, "name": "D", "useType": 1],
        ]
        let session = try await SimulatedDatabase(["billingCodes": codes]).session(transport)
        #expect(try await session.billingCodes().map(\.id) == [1, 2])
        let found = try await session.billingCodes(including: [3, 99])
        #expect(found.map(\.id) == [1, 2, 3])
        #expect(found.map(\.isActive) == [true, false, true])
        for code: Int64 in [2, 3, 99] {
            let error = try await error { try await session.write(try gold(code: code)) }
            #expect([.billingCodeRejected, .rejected].contains(error.kind) && !error.isOutcomeUnknown)
        }
    }

    @Test("A create whose answer is lost is found by its marker")
    func lostResponse() async throws {
        let database = try await SimulatedDatabase()
        let session = try await database.session(transport)
        try await database.fault("lostResponse", ["operation": "create", "times": 1])
        let error = try await error { try await session.write(try gold()) }
        #expect(error.isOutcomeUnknown && error.jobError.code == .outcomeUnknown)
        #expect(try await session.services(ServiceQuery(markers: [marker.value], markerField: .internalID)).count == 1)
    }

    private static let sortedFaults: [(kind: String, members: JSONObject, expected: AutotaskError.Kind)] = [
        ("serverError", [:], .unavailable),
        ("unavailable", [:], .unavailable),
        ("notJSON", [:], .malformedResponse),
        ("truncated", [:], .malformedResponse),
        ("wrongContent", [:], .malformedResponse),
        ("status", ["status": 403], .intercepted),
        ("status", ["status": 404, "body": "<html>", "contentType": "text/html"], .notServedHere),
        ("status", ["status": 302, "headers": ["Location": "http://127.0.0.1:1/"]], .notServedHere),
        ("businessError", ["message": "Lock request time out period exceeded."], .unavailable),
        ("businessError", ["message": "API thread threshold of 3 threads has been exceeded"], .rateLimited),
        ("businessError", ["message": "A reason of its own"], .unavailable),
    ]

    @Test("Faults on demand are classified", arguments: SimulatorTests.sortedFaults)
    func faults(kind: String, members: JSONObject, expected: AutotaskError.Kind) async throws {
        let database = try await SimulatedDatabase()
        let session = try await database.session(transport)
        var fault = members
        fault["entity"] = "Services"
        fault["times"] = 1
        try await database.fault(kind, fault)
        let error = try await error { try await session.services(ServiceQuery(ids: [1], markerField: nil)) }
        #expect(error.kind == expected)
        #expect(try await session.services(ServiceQuery(ids: [1], markerField: nil)).isEmpty, "the fault has passed")
    }

    @Test("A write on a connection that the server closes is not sent again, and its outcome is unknown")
    func closedConnection() async throws {
        let database = try await SimulatedDatabase()
        let session = try await database.session(transport)
        try await database.fault("closeBeforeReading", ["operation": "create", "times": 1])
        let error = try await error { try await session.write(try gold()) }
        #expect(error.kind == .network(.connectionLost) && error.isOutcomeUnknown)
    }

    @Test("Throttling says how long to wait")
    func throttled() async throws {
        let database = try await SimulatedDatabase()
        let session = try await database.session(transport)
        try await database.fault("throttled", ["entity": "Services", "retryAfterSeconds": 17])
        let error = try await error { try await session.write(try gold()) }
        #expect(error.kind == .rateLimited && error.retryAfter == .seconds(17) && !error.isOutcomeUnknown)
    }

    @Test("A hanging create is given up, and its outcome is unknown")
    func hang() async throws {
        let database = try await SimulatedDatabase()
        let session = try await database.session(transport, timeout: .milliseconds(300))
        try await database.fault("hang", ["operation": "create", "times": 1])
        let error = try await error { try await session.write(try gold()) }
        #expect(error.kind == .timedOut && error.isOutcomeUnknown)
    }

    @Test("A database that moved answers 401 in its old zone, and is found in its new zone")
    func zoneMove() async throws {
        let database = try await SimulatedDatabase()
        let session = try await database.session(transport)
        try await session.version()
        try await database.change(["zone": "AE03"])
        let error = try await error { try await session.version() }
        #expect(error.kind == .unauthorized && error.mayMeanZoneMoved)
        let found = try await database.directory(transport).zone(forUserOf: .test(username: database.username))
        #expect(found.zone.name == "AE03" && found.databaseID == database.id)
        try await database.session(transport).version()
    }

    @Test("A host that is not allowed is not called")
    func foreignHost() async throws {
        let database = try await SimulatedDatabase()
        let zone = Zone(name: "X", apiURL: "https://autotask.net.evil.example/", webURL: "https://autotask.net.evil.example/")
        let session = AutotaskSession(transport: transport, zone: zone, credentials: database.credentials())
        let error = try await error { try await session.version() }
        #expect(error.kind == .notAllowed && error.jobError.code == .internal)
        #expect(try await database.calls().isEmpty)
    }
}
