import Testing

@testable import Contract

@Suite("Events")
struct EventTests {
    private let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)

    @Test func `an event is a CloudEvent with the contract's extensions`() throws {
        let event = Event(
            id: "e-1",
            type: .connectionEstablished,
            lane: lane,
            jobID: JobID("job-1"),
            time: Timestamp("2026-11-22T08:00:00Z")!,
            traceparent: nil,
            data: ["message": .string(Headline.connectionEstablished)]
        )
        let ordered = OrderedEvent(event: event, epoch: 2, sequence: 17)
        #expect(ordered.routingKey == "connection.established.msp-4711" && ordered.typeAttribute == "autotask.connection.established")
        let expected: JSON = [
            "specversion": "1.0", "id": "e-1", "source": "/autotask-worker", "type": "autotask.connection.established",
            "subject": "msp-4711",
            "time": "2026-11-22T08:00:00.000Z", "datacontenttype": "application/json", "terminal": true, "jobid": "job-1",
            "product": "workplace",
            "epoch": 2, "sequence": "17", "data": ["jobId": "job-1", "message": "Connection was established"],
        ]
        #expect(try JSON(parsing: ordered.encoded) == expected)
    }

    @Test func `an event of a copy names the original job`() throws {
        let event = Event(
            id: "e-3",
            type: .syncSucceeded,
            lane: lane,
            jobID: JobID("job-1:redrive-1"),
            redriveOf: JobID("job-1"),
            time: Timestamp(millisecondsSinceEpoch: 0),
            traceparent: nil,
            data: [:]
        )
        let json = try JSON(parsing: OrderedEvent(event: event, epoch: 1, sequence: 4).encoded)
        #expect(json["jobid"] == "job-1:redrive-1" && json["redriveof"] == "job-1")
    }

    @Test func `a state event answers no job and may have no sequence`() throws {
        let event = Event(
            id: "e-2",
            type: .syncProgress,
            lane: lane,
            jobID: nil,
            time: Timestamp(millisecondsSinceEpoch: 0),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            data: [:]
        )
        let json = try JSON(parsing: OrderedEvent(event: event, epoch: 1, sequence: nil).encoded)
        #expect(json["jobid"] == nil && json["sequence"] == nil && json["terminal"] == false && json["traceparent"] != nil)
    }

    @Test func `the page's two sentences are used word for word`() {
        #expect(Headline.connectionEstablished == "Connection was established")
        #expect(Headline.connectionFailed == "Failed to establish connection")
        #expect(ServiceStatus.allCases.map(\.rawValue) == ["Not synced", "Synced", "Error"])
    }

    @Test func `every error code has texts that say what to do`() {
        for code in ErrorCode.allCases {
            #expect(!code.properties.message.isEmpty && !code.properties.hint.isEmpty)
            #expect(!code.properties.hint.contains("\n"))
        }
    }

    @Test func `a report covers every service and counts what happened`() {
        let report = SyncReport(
            message: "m",
            planID: "p",
            revision: 3,
            apiCalls: 7,
            services: [
                ServiceResult(key: "a", name: "A", status: .synced, outcome: .created, autotaskServiceID: 1, isActive: true),
                ServiceResult(key: "b", name: "B", status: .error, outcome: .rejected, error: JobError(.remoteRejected, serviceKey: "b")),
                ServiceResult(key: "c", name: "C", status: .notSynced, outcome: .notAttempted),
            ],
            webURL: "https://ww14.autotask.net/",
            error: nil
        )
        let counts = JSON.object(report.members)["counts"]
        #expect(counts == ["total": 3, "created": 1, "rejected": 1, "notAttempted": 1, "synced": 1, "error": 1, "notSynced": 1])
        #expect(JSON.object(report.members)["services"]?.array?.count == 3)
    }
}
