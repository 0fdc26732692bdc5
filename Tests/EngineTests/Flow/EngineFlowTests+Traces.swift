import AutotaskModel
import Contract
import HTTP
import RecordedSpans
import Store
import Telemetry
import Testing
import Tracing
import Vault

@testable import Engine

/// The spans of a job, from the portal's context to the event's.
extension EngineFlowTests {
    private var settings: EngineSettings {
        var settings = EngineSettings()
        settings.acceptsClearCredentials = true
        settings.accessCutoff = nil
        return settings
    }

    private static let username = "api@demo.example"

    private func connect(_ id: String, traceparent: String? = nil) -> JobMessage {
        delivery(
            "connect",
            id: id,
            data: ["credentials": ["username": .string(EngineFlowTests.username), "secret": "s3cret"]],
            extra: traceparent.map { ["traceparent": .string($0)] } ?? [:]
        )
    }

    private func sync(_ id: String, traceparent: String) -> JobMessage {
        let service: JSON = [
            "key": "license", "name": "Canary of a name", "type": "License", "period": "Monthly", "unitCost": "12.3456",
            "unitPrice": "987.6543",
            "billingCodeId": 29_683_001,
        ]
        return delivery("sync", id: id, data: ["planId": "p", "services": [service]], extra: ["traceparent": .string(traceparent)])
    }

    private func ending(_ id: String) async -> Event {
        while true {
            let events = await results.published(until: { _ in true })
            if let end = events.first(where: { $0.event.jobID?.description == id && $0.event.type.isTerminal }) { return end.event }
            await clock.advanceToNextSleeper()
        }
    }

    @Test func `calls and events are below the attempt, which is below the portal's span`() async throws {
        addUser()
        let sink = SpanCollection()
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(connect("connect-1", traceparent: SpanContext.parent.traceparent))
            let event = await ending("connect-1")
            #expect(event.traceparent != SpanContext.parent.traceparent)
            #expect(event.traceparent.flatMap { SpanContext(traceparent: $0) }?.traceID == SpanContext.parent.traceID)
        }
        let attempt = try #require(sink.attempts.first)
        #expect(sink.attempts.count == 1 && attempt.parent == .parent && attempt.isParentRemote && attempt.links.isEmpty)
        let events = await results.published { !$0.isEmpty }
        #expect(events.allSatisfy { $0.event.traceparent == attempt.context.traceparent })
        let calls = sink.spans.filter { $0.attributes[.httpMethod] != nil }
        #expect(calls.allSatisfy { $0.parent == attempt.context && $0.kind == .client })
        // Each call's own span is what Autotask gets.
        #expect(autotask.allCalls.map(\.traceparent) == calls.map(\.context.traceparent))
        #expect(Set(calls.map(\.context.spanID)).count == calls.count && !calls.isEmpty)
        let publications = sink.spans.filter { $0.kind == .producer }
        #expect(publications.map(\.parent) == events.map { _ in attempt.context })
        #expect(sink.spans.contains { $0.name == "store complete" && $0.parent == attempt.context })
        #expect(sink.spans.allSatisfy { $0.context.traceID == SpanContext.parent.traceID && !$0.hasFailed })
    }

    @Test(arguments: [true, false])
    func `without a span, calls and events carry the job's own context`(isTracing: Bool) async throws {
        addUser()
        let sink = SpanCollection()
        // Traces are off, or the portal does not sample the job.
        let parent = isTracing ? SpanContext.unsampledParent : .parent
        try await withEngine(settings: settings, instruments: isTracing ? .traced(sink) : .none) { _ in
            door.deliver(connect("connect-1", traceparent: parent.traceparent))
            let event = await ending("connect-1")
            #expect(event.traceparent == parent.traceparent)
        }
        #expect(sink.spans.isEmpty)
        #expect(Set(autotask.allCalls.map(\.traceparent)) == [parent.traceparent])
    }

    @Test(arguments: [SpanContext.parent, nil])
    func `the acceptance of a job has a span below the portal's, and a repeated delivery has none`(parent: SpanContext?) async throws {
        addUser()
        let sink = SpanCollection()
        let job = connect("connect-1", traceparent: parent?.traceparent)
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(job, delivery("reset", id: "refused-1", extra: ["traceparent": .string(SpanContext.parent.traceparent)]))
            _ = await ending("connect-1")
            door.deliver(job)
            _ = await results.published { $0.count { $0.event.jobID?.description == "connect-1" && $0.event.type.isTerminal } == 2 }
        }
        let acceptances = sink.spans.filter { $0.name.hasPrefix("receive ") }
        let (acceptance, attempt) = (try #require(acceptances.first), try #require(sink.attempts.first))
        #expect(acceptances.count == 1 && acceptance.name == "receive autotask.jobs:connect.{tenant}" && acceptance.kind == .client)
        #expect(acceptance.parent == parent && acceptance.context.traceID == attempt.context.traceID)
        #expect(acceptance.context.spanID != attempt.context.spanID)
        #expect(acceptance.attributes[.messageID] == "connect-1" && acceptance.attributes[.messagingOperationType] == "receive")
        #expect(acceptance.attributes[.tenant] == "msp-4711" && acceptance.attributes[.jobKind] == "connect")
        #expect(acceptance.start < acceptance.end && acceptance.start < attempt.start && !acceptance.hasFailed)
    }

    @Test func `progress that is published has spans, and the journal says how many writes it records`() async throws {
        addUser()
        let sink = SpanCollection()
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(connect("connect-1"))
            _ = await ending("connect-1")
            door.deliver(sync("sync-1", traceparent: SpanContext.parent.traceparent))
            #expect(await ending("sync-1").type == .syncSucceeded)
        }
        let attempt = try #require(sink.attempts.last)
        let offered = results.offered.map(\.event)
        #expect(offered.map(\.type) == [.syncStarted, .syncProgress])
        let publications = sink.spans.filter { $0.kind == .producer && $0.parent == attempt.context }
        let names = ["sync.started", "sync.progress", "sync.succeeded", "integration.enabled"]
        #expect(publications.map(\.name) == names.map { "publish autotask.results:\($0).{tenant}" })
        #expect(publications.prefix(2).map { $0.attributes[.messageID] } == offered.map { .text($0.id) })
        let progress = publications[1]
        #expect(progress.attributes[.conversationID] == "sync-1" && progress.attributes[.sequence] == nil && !progress.hasFailed)
        let journal = sink.spans.filter { $0.name == "store journal" }
        #expect(!journal.isEmpty && journal.allSatisfy { $0.attributes[.journalEntries] == .number(1) && $0.parent == attempt.context })
    }

    @Test func `progress that the broker does not take has a failed span`() async throws {
        addUser()
        let sink = SpanCollection()
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(connect("connect-1"))
            _ = await ending("connect-1")
            results.forbid(TenantID("msp-4711")!)
            door.deliver(sync("sync-1", traceparent: SpanContext.parent.traceparent))
            while results.offered.isEmpty { await clock.advanceToNextSleeper() }
            results.forbid(TenantID("msp-4711")!, false)
            _ = await ending("sync-1")
        }
        let started = sink.spans.filter { $0.name == "publish autotask.results:sync.started.{tenant}" }
        #expect(started.map { $0.attributes[.errorType] } == ["suspected"] && started.allSatisfy(\.hasFailed))
    }

    @Test func `a limit, the breaker that it opens, and the wait for the next attempt are events of spans`() async throws {
        addUser()
        let sink = SpanCollection()
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(connect("connect-1"))
            _ = await ending("connect-1")
            autotask.fail("POST Services/query", .status(429, headers: [("Retry-After", "30")]))
            door.deliver(sync("sync-1", traceparent: SpanContext.parent.traceparent))
            #expect(await ending("sync-1").type == .syncSucceeded)
        }
        let limited = try #require(sink.spans.first { $0.attributes[.httpStatus] == .number(429) })
        #expect(limited.events.map(\.name) == ["call.limited"] && limited.events[0].attributes == [.waitSeconds: .fraction(30)])
        #expect(limited.start < limited.events[0].time && limited.events[0].time < limited.end)
        let attempts = sink.attempts.filter { $0.attributes[.jobKind] == "sync" }
        let deferral = try #require(attempts[0].events.last)
        #expect(attempts[0].events.map(\.name) == ["breaker.opened", "job.deferred"])
        #expect(attempts[0].events[0].attributes == [.breakerScope: "database"])
        guard case .fraction(let wait) = deferral.attributes[.waitSeconds] else {
            Issue.record("The deferral has no wait.")
            return
        }
        #expect(wait >= 30 && wait < 60)
    }

    @Test func `a later attempt links to the first, and says what failed`() async throws {
        addUser()
        let sink = SpanCollection()
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(connect("connect-1"))
            _ = await ending("connect-1")
            autotask.fail("POST Services/query", .status(500), .status(500))
            door.deliver(sync("sync-1", traceparent: SpanContext.parent.traceparent))
            #expect(await ending("sync-1").type == .syncSucceeded)
        }
        let attempts = sink.attempts.filter { $0.attributes[.jobKind] == "sync" }
        #expect(attempts.map { $0.attributes[.attempt] } == [.number(1), .number(2), .number(3)])
        #expect(attempts.allSatisfy { $0.parent == .parent } && Set(attempts.map(\.context.spanID)).count == 3)
        let first = try #require(attempts.first).context
        #expect(attempts.map(\.links) == [[], [first], [first]])
        #expect(attempts.map(\.hasFailed) == [true, true, false])
        #expect(attempts[0].attributes[.errorType] == "autotask_unavailable" && attempts[0].attributes[.outcome] == "job.deferred")
        let failed = sink.spans.filter { $0.attributes[.httpStatus] == .number(500) }
        #expect(failed.count == 2 && failed.allSatisfy(\.hasFailed) && failed[0].parent == first)
    }

    @Test func `attempts at a job that brings no context share a trace, and another job has its own`() async throws {
        addUser()
        let sink = SpanCollection()
        autotask.fail("GET zoneInformation", .status(503))
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(connect("connect-1"))
            let event = await ending("connect-1")
            #expect(event.traceparent == sink.attempts.last?.context.traceparent)
            door.deliver(delivery("verify", id: "verify-1"))
            _ = await ending("verify-1")
        }
        let attempts = sink.attempts
        #expect(attempts.count == 3 && attempts.allSatisfy { $0.parent == nil })
        #expect(attempts[0].context.traceID == attempts[1].context.traceID && attempts[1].links == [attempts[0].context])
        #expect(attempts[2].context.traceID != attempts[0].context.traceID)
    }

    @Test func `a call without an answer has the reason, and the address of a look-up has no user`() async throws {
        addUser()
        let sink = SpanCollection()
        autotask.fail("GET zoneInformation", .noAnswer(.timedOut))
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(connect("connect-1"))
            _ = await ending("connect-1")
        }
        let lookups = sink.spans.filter { $0.attributes[.operation] == "zone" }
        #expect(lookups.map(\.hasFailed) == [true, false])
        #expect(lookups.map { $0.attributes[.errorType] } == ["timedOut", nil])
        #expect(lookups.map { $0.attributes[.httpStatus] } == [nil, .number(200)])
        for lookup in lookups {
            #expect(lookup.name == "GET /V1.0/zoneInformation")
            #expect(lookup.attributes[.url] == "https://webservices.autotask.net/atservicesrest/V1.0/zoneInformation")
            #expect(lookup.attributes[.host] == "webservices.autotask.net" && lookup.attributes[.port] == .number(443))
        }
    }

    @Test func `each publication of an event has a span, with what kept the broker from taking it`() async throws {
        let sink = SpanCollection()
        results.silence(1)
        try await withEngine(instruments: .traced(sink)) { _ in
            let context: JSONObject = ["traceparent": .string(SpanContext.parent.traceparent)]
            door.deliver(delivery("reset", id: "job-1", data: ["confirm": true], extra: context))
            _ = await ending("job-1")
        }
        let publications = sink.spans.filter { $0.kind == .producer }
        #expect(publications.map { $0.attributes[.errorType] } == ["missing", nil])
        #expect(Set(publications.map { $0.attributes[.messageID] }).count == 1 && Set(publications.map(\.context.spanID)).count == 2)
        #expect(publications.allSatisfy { $0.parent == sink.attempts.first?.context && $0.attributes[.conversationID] == "job-1" })
    }

    @Test func `an event of a job that ended without an attempt is published below the portal's span`() async throws {
        let sink = SpanCollection()
        try await withEngine(instruments: .traced(sink)) { _ in
            let context: JSONObject = ["traceparent": .string(SpanContext.parent.traceparent)]
            door.deliver(delivery("reset", id: "job-1", extra: context))
            let event = await ending("job-1")
            #expect(event.type == .jobRejected && event.traceparent == SpanContext.parent.traceparent)
        }
        #expect(sink.spans.map(\.kind) == [.producer] && sink.spans.map(\.parent) == [.parent])
    }

    @Test func `every worker gives the attempts of a job the same ids`() {
        let job = QueuedJob(order: 1, id: JobID("job-1")!, kind: .sync, acceptedAt: clock.now, attempts: 1)
        func ids(_ change: (inout QueuedJob) -> Void = { _ in }, tenant: String = "acme") -> AttemptIDs {
            var copy = job
            change(&copy)
            return AttemptIDs(of: copy, in: Lane(tenant: TenantID(tenant)!, product: .workplace))
        }
        // Stable over versions of the program, too.
        #expect(ids().spanID.hexadecimal == "01cacaa0b1b1a71c")
        #expect(ids().firstSpanID.hexadecimal == "01cacaa0b1b1a71c" && ids().traceID.hexadecimal == "02a4f06611329d85502d4c5f0dc9f6d6")
        let later = ids { $0.attempts = 2 }
        #expect(later.spanID != ids().spanID && later.firstSpanID == ids().spanID && later.traceID == ids().traceID)
        // An attempt that was interrupted or held up is an attempt of its own.
        #expect(ids { $0.interruptions = 1 }.spanID == later.spanID && ids { $0.heldUp = 1 }.spanID == later.spanID)
        for other in [ids(tenant: "acme-2"), ids { $0.id = JobID("job-2")! }, ids { $0.acceptedAt = clock.now + .milliseconds(1) }] {
            #expect(other.spanID != ids().spanID && other.traceID != ids().traceID)
        }
    }

    @Test func `spans hold no user, no credential, no name, no price and no text of Autotask's`() async throws {
        addUser()
        let sink = SpanCollection()
        try await withEngine(settings: settings, instruments: .traced(sink)) { _ in
            door.deliver(connect("connect-1", traceparent: SpanContext.parent.traceparent))
            _ = await ending("connect-1")
            autotask.fail("POST Services", .status(500, body: #"{"errors": ["Canary of an answer"]}"#))
            door.deliver(sync("sync-1", traceparent: SpanContext.parent.traceparent))
            _ = await ending("sync-1")
        }
        let text = sink.spans.map { "\($0)" }.joined(separator: "\n")
        #expect(text.contains("msp-4711") && text.contains("sync-1") && text.contains("zoneInformation"))
        for canary in ["demo.example", "s3cret", "Canary", "12.3456", "987.6543"] { #expect(!text.contains(canary), "\(canary)") }
    }
}

extension Instruments {
    fileprivate static func traced(_ sink: SpanCollection) -> Instruments {
        Instruments(metrics: Instruments.none.metrics, tracer: .test(to: sink))
    }
}

extension SpanCollection {
    fileprivate var attempts: [SpanRecord] { spans.filter { $0.kind == .consumer } }
}
