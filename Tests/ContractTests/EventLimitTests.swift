import Testing

@testable import Contract

struct EventLimitTests {
    private static let types: [EventType] = EventType.allCases

    private func event(_ type: EventType, _ data: JSONObject, sequence: Int64? = 7) -> OrderedEvent {
        let isState = !type.isTerminal && [.connectionLost, .connectionRecovered, .integrationEnabled, .driftChanged].contains(type)
        return OrderedEvent(
            event: Event(
                id: "0193b0a2-7c1e-7d0a-9a44-0f3b1c2d4e5f",
                type: type,
                lane: Lane(tenant: TenantID("msp-4711")!, product: .workplace),
                jobID: isState ? nil : JobID("job-1"),
                time: Timestamp("2026-11-22T08:00:00Z")!,
                traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                data: data
            ),
            epoch: 1,
            sequence: sequence
        )
    }

    /// A service with every possible member.
    private func service(_ number: Int, name: String, detail: Int = 1) -> JSON {
        let change: JSON = ["field": "name", "from": .string(name), "to": .string(name)]
        let warning: JSON = ["code": "edit_overwritten", "message": .string("Somebody changed it in Autotask: " + name), "serviceKey": "k"]
        return [
            "key": .string("service-\(number)"),
            "name": .string(name),
            "status": "Error",
            "outcome": "rejected",
            "autotaskServiceId": JSON(number),
            "active": true,
            "changes": .array(Array(repeating: change, count: detail)),
            "overwritten": .array(Array(repeating: change, count: detail)),
            "warnings": .array(Array(repeating: warning, count: detail)),
            "error": JobError(.remoteRejected, "Autotask refuses \(name).", field: "name", serviceKey: "service-\(number)").json,
        ]
    }

    private func report(_ services: [JSON]) -> JSONObject {
        [
            "message": "A service is not in Autotask as the plan has it.", "planId": "plan",
            "counts": ["total": JSON(services.count), "error": JSON(services.count)],
            "apiCalls": 3, "services": .array(services), "webUrl": "https://ww14.autotask.net/",
        ]
    }

    private func data(_ part: OrderedEvent) throws -> JSON { try #require(try JSON(parsing: part.encoded)["data"]) }

    /// The members of each service that are never dropped.
    private func essentials(_ parts: [OrderedEvent]) throws -> [[JSON?]] {
        try parts.flatMap { try data($0)["services"]?.array ?? [] }.map {
            [$0["key"], $0["status"], $0["outcome"], $0["autotaskServiceId"], $0["error"]?["code"]]
        }
    }

    private func expectWithin(_ limit: EventLimit, _ parts: [OrderedEvent]) {
        for part in parts { #expect(part.encoded.count <= limit.bytes) }
        #expect(parts.count { $0.isTerminal } <= 1)
        #expect(parts.dropLast().allSatisfy { !$0.isTerminal && $0.sequence == nil })
        #expect(Set(parts.map(\.event.id)).count == parts.count)
        #expect(parts.last?.event.id == "0193b0a2-7c1e-7d0a-9a44-0f3b1c2d4e5f" && parts.last?.sequence == 7)
    }

    @Test func `an event within the limit is published as it is`() {
        let small = event(.syncSucceeded, report([service(1, name: "License")]))
        #expect(small.parts(within: .standard) == [small])
        let exact = event(.syncSucceeded, report((1...20).map { service($0, name: "License") }))
        #expect(exact.parts(within: EventLimit(bytes: exact.encoded.count)) == [exact])
        #expect(exact.parts(within: EventLimit(bytes: exact.encoded.count - 1)) != [exact])
    }

    @Test func `changes, overwritten and texts of warnings are dropped first, and no more than necessary`() throws {
        let whole = event(.syncIncomplete, report((1...100).map { service($0, name: "Datto Workplace licence \($0)", detail: 3) }))
        var names: [[String]] = []
        for share in [0.95, 0.75, 0.64, 0.56] {
            let limit = EventLimit(bytes: Int(Double(whole.encoded.count) * share))
            let parts = whole.parts(within: limit)
            expectWithin(limit, parts)
            let data = try data(try #require(parts.first))
            #expect(parts.count == 1 && data["truncated"] == true)
            #expect(data["rest"]?.string?.contains("sync show job-1 --tenant msp-4711") == true)
            #expect(data["counts"]?["total"] == 100)
            #expect(try essentials(parts) == essentials([whole]))
            names.append(data["omitted"]?.array?.compactMap(\.string) ?? [])
        }
        #expect(names[0] == ["services.changes"])
        #expect(names.allSatisfy { $0.first == "services.changes" })
        #expect(names[1].prefix(2) == ["services.changes", "services.overwritten"])
        #expect(names[3].prefix(3) == ["services.changes", "services.overwritten", "texts of warnings"])
    }

    @Test(arguments: [4096, 5000, 20_000, 100_000, 1 << 20])
    func `a sync of a thousand services with long names fits under any limit`(bytes: Int) throws {
        let limit = EventLimit(bytes: bytes)
        let names = ["name", String(repeating: "🗄️", count: 50), String(repeating: "𝕎", count: 100), String(repeating: "\u{1}", count: 100)]
        for name in names {
            let whole = event(.syncIncomplete, report((1...(bytes < 1 << 20 ? 100 : 300)).map { service($0, name: name, detail: 1) }))
            let parts = whole.parts(within: limit)
            expectWithin(limit, parts)
            #expect(try essentials(parts) == essentials([whole]))
            #expect(try parts.allSatisfy { try data($0)["counts"] == JSON.object(whole.dataMembers)["counts"] })
            #expect(parts == whole.parts(within: limit))
            guard parts.count > 1 else { continue }
            #expect(try parts.enumerated().allSatisfy { try data($1)["page"] == JSON($0 + 1) && data($1)["pages"] == JSON(parts.count) })
        }
    }

    /// Events of every type, each as large as possible.
    @Test(arguments: EventType.allCases)
    func `an event of any type keeps to the limit`(type: EventType) throws {
        let long = String(repeating: "x", count: 6000)
        let error = JobError(.jobInvalid, long, hint: long, field: long, remote: .init(status: 500, message: long)).json
        let step: JSON = ["step": "tls", "result": "failed", "message": .string(long), "hint": .string(long), "error": error]
        let code: JSON = ["id": 29_683_001, "name": .string(long), "description": .string(long)]
        let warning: JSON = ["code": "read_only", "message": .string(long)]
        let bodies: [JSONObject] = [
            ["error": error],
            ["error": error, "services": .array((1...60).map { service($0, name: long.prefix(300).description) })],
            ["healthy": false, "steps": .array(Array(repeating: step, count: 12))],
            ["billingCodes": .array(Array(repeating: code, count: 30)), "readAt": "2026-11-22T08:00:00Z"],
            ["message": "Connection was established", "severity": "success", "warnings": .array(Array(repeating: warning, count: 30))],
            [
                "previewId": "p", "services": .array((1...100).map { service($0, name: "n") }),
                "warnings": .array(Array(repeating: warning, count: 30)),
                "needsAcknowledgement": .array((1...100).map { .string("price_changed:service-\($0)") }),
            ],
        ]
        for body in bodies {
            for bytes in [4096, 65_536] {
                let whole = event(type, body)
                let parts = whole.parts(within: EventLimit(bytes: bytes))
                expectWithin(EventLimit(bytes: bytes), parts)
                #expect(try essentials(parts) == essentials([whole]))
                let needed = try parts.flatMap { try data($0)["needsAcknowledgement"]?.array ?? [] }
                #expect(needed == body["needsAcknowledgement"]?.array ?? [])
                let message = try data(try #require(parts.last))["message"]
                #expect(message == body["message"])
            }
        }
    }

    @Test func `a page holds as much as fits, and all pages together hold everything`() throws {
        let services = (1...2000).map { service($0, name: "Licence", detail: 0) }
        let whole = event(.driftReported, ["services": .array(services)])
        let limit = EventLimit(bytes: 100_000)
        let parts = whole.parts(within: limit)
        expectWithin(limit, parts)
        #expect(try parts.flatMap { try data($0)["services"]?.array ?? [] } == services)
        #expect(parts.count < whole.encoded.count / limit.bytes + 3)
    }
}

extension OrderedEvent {
    fileprivate var dataMembers: JSONObject { (try? JSON(parsing: event.data))?.object ?? [:] }
}
