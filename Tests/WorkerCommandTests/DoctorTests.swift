import Contract
import HTTP
import Operations
import Store
import Testing
import Vault

@testable import AMQP
@testable import autotask_worker

/// The doctor's verdicts, each as a function of its observations.
struct DoctorTests {
    // MARK: Settings

    @Test("Usable settings are summed up, and missing ones are a warning")
    func settings() async throws {
        let checks = await SettingsExamination(settings: try await configuration(["--store-url", "sqlite:/s", "--vault-keys", "/k"]))
            .checks()
        #expect(
            checks.summaries == [
                "pass settings: Store /s, key ring /k, broker amqp://guest@127.0.0.1:5672 (virtual host /), job queues autotask.jobs, Autotask https://webservices.autotask.net/atservicesrest/",
                "warn settings: AUTOTASK_INTEGRATION_CODE is not set: only tenants that bring their own tracking identifier can connect.",
            ]
        )
    }

    @Test("Every wrong setting is a failure of its own, without consequential failures")
    func wrongSettings() async throws {
        let wrong = [
            "--amqp-url", "x", "--quota-share", "0", "--log-level", "loud", "--management-url", "ftp://x", "--autotask-url", "http://x",
        ]
        let checks = await SettingsExamination(settings: try await configuration(wrong + ["--autotask-integration-code", "c"])).checks()
        let outputs = checks.map(\.output)
        #expect(checks.allSatisfy { $0.status == .fail && $0.name == "settings" && $0.advice?.isEmpty == false })
        #expect(outputs.contains("QUOTA_SHARE (from the command line) is not a positive whole number."))
        #expect(outputs.contains("LOG_LEVEL (from the command line) is not a log level, such as info."))
        #expect(outputs.contains("MANAGEMENT_URL is not an http:// or https:// URL."))
        #expect(outputs.contains { $0.hasPrefix("AMQP_URL: ") } && !outputs.contains { $0.hasPrefix("PORTAL_AMQP_URL") })
        #expect(outputs.contains { $0.hasPrefix("AUTOTASK_URL: ") } && checks.count == 5)
    }

    @Test("Development is a warning")
    func development() async throws {
        let checks = await SettingsExamination(settings: try await configuration(["--development", "1"])).checks()
        #expect(checks.summaries.contains("warn settings: DEVELOPMENT=1: clear credentials and any publisher are accepted."))
    }

    // MARK: Exposure

    @Test(
        "A connection that others can read is a warning, except within this machine",
        arguments: [
            (
                ["--amqp-url", "amqp://u:p@broker"],
                ["AMQP_URL is plain amqp:// to broker: others on the network can read password and jobs."]
            ),
            (["--amqp-url", "amqps://u:p@broker"], []), (["--amqp-url", "amqp://u:p@127.0.0.1"], []),
            (["--amqp-url", "amqp://u:p@[::1]"], []),
            (
                ["--amqp-url", "amqps://guest:p@b"],
                ["AMQP_URL names the user guest, which may do everything, and whose password everybody knows."]
            ),
            (
                ["--amqp-url", "amqps://u:p@b", "--portal-amqp-url", "amqp://p:p@b"],
                ["PORTAL_AMQP_URL is plain amqp:// to b: others on the network can read password and jobs."]
            ),
            (
                ["--amqp-url", "amqps://u:p@b", "--management-url", "http://a:p@b:15672"],
                ["MANAGEMENT_URL is plain http:// to b: others on the network can read its password."]
            ),
            (["--amqp-url", "amqps://u:p@b", "--management-url", "https://a:p@b:15671"], []),
            (
                ["--amqp-url", "amqps://u:p@b", "--autotask-allowed-hosts", "localhost:1,other:2,127.0.0.9"],
                ["AUTOTASK_ALLOWED_HOSTS lets other:2 serve as Autotask, also over plain HTTP."]
            ),
            (
                ["--amqp-url", "amqps://u:p@b", "--otel-exporter-otlp-endpoint", "http://Collector:4318"],
                ["Traces go to collector:4318 over plain http://: others on the network can read tenants, ids."]
            ),
            (
                ["--amqp-url", "amqps://u:p@b", "--otel-exporter-otlp-endpoint", "http://c", "--otel-exporter-otlp-headers", "a=b"],
                ["Traces go to c:80 over plain http://: others on the network can read tenants, ids and the headers for it."]
            ),
            (["--amqp-url", "amqps://u:p@b", "--otel-exporter-otlp-endpoint", "https://collector"], []),
            (["--amqp-url", "amqps://u:p@b", "--otel-exporter-otlp-endpoint", "http://127.0.0.1:4318"], []),
        ]
    )
    func exposure(arguments: [String], findings: [String]) async throws {
        let checks = await ExposureExamination(settings: try await configuration(arguments)).checks()
        #expect(
            checks.summaries
                == (findings.isEmpty
                    ? ["pass exposure: Passwords and jobs leave this machine only over TLS."] : findings.map { "warn exposure: \($0)" })
        )
    }

    @Test("An inactive protection of the process is a warning")
    func process() {
        let examination = ProcessExamination()
        #expect(
            examination.verdict(obstacles: ["No prctl."], isRoot: false).summaries == [
                "warn process: A protection of the process is not in force: No prctl."
            ]
        )
        #expect(examination.verdict(obstacles: [], isRoot: true).first?.output.contains("only root") == true)
        #expect(examination.verdict(obstacles: [], isRoot: false).first?.output.contains("no other process of its user") == true)
    }

    // MARK: Key ring and audit

    @Test("The age of the portals' newest public key decides: fresh, about to expire, expired")
    func keyRing() async throws {
        let examination = KeyRingExamination(
            settings: try await configuration(["--store-url", "sqlite:/data/s", "--vault-keys", "/data/k"])
        )
        let ring = KeyRing.generate(at: now)
        let end = try #require(ring.publicKeys(at: now)["keys"]?.array?.first?["notAfter"]?.string.flatMap { Timestamp($0) })
        func verdict(_ moment: Timestamp) -> HealthReport.Check { examination.verdict(on: ring, at: "/data/k", now: moment) }
        #expect(
            verdict(now).summary
                == "pass key ring: /data/k is accessible to its owner only, and has an active key for each use. It is in the store's directory: keep it out of the store's backups."
        )
        #expect(!examination.verdict(on: ring, at: "/keys/k", now: now).output.contains("store's directory"))
        #expect(verdict(end - .seconds(86_400)).status == .warn)
        #expect(verdict(end + .seconds(86_400)).status == .fail)
    }

    @Test("An audit log that is not intact fails, and an empty one needs a reason")
    func audit() async throws {
        let quick = AuditExamination(settings: try await configuration(), isThorough: false)
        let thorough = AuditExamination(settings: try await configuration(), isThorough: true)
        func report(_ fault: AuditFault?, head: Int64?) -> AuditReport {
            let head = head.map { AuditMark(end: .head, place: AuditPlace(number: $0, mac: []), tag: []) }
            return AuditReport(fault: fault, count: 1, head: head, anchor: nil)
        }
        #expect(
            quick.verdict(on: report(nil, head: 1), isPaired: true).summary
                == "pass audit: The newest part of the audit log is intact: 1 row."
        )
        #expect(thorough.verdict(on: report(nil, head: 1), isPaired: true).summary == "pass audit: The audit log is intact: 1 row.")
        let changed = quick.verdict(on: report(.changed(7), head: 9), isPaired: true)
        #expect(changed.summary == "fail audit: The audit log is not as the worker wrote it. Row 7 was changed.")
        #expect(quick.verdict(on: report(nil, head: nil), isPaired: false).summary == "pass audit: The audit log is empty.")
        #expect(quick.verdict(on: report(nil, head: nil), isPaired: true).status == .fail)
    }

    @Test("A damaged store fails with SQLite's findings")
    func integrity() async throws {
        let examination = IntegrityExamination(settings: try await configuration(), isThorough: false)
        #expect(examination.verdict(on: []).summary == "pass integrity: SQLite finds the store sound.")
        #expect(examination.verdict(on: ["a", "b"]).summary == "fail integrity: The store is damaged: a; b.")
    }

    // MARK: Store

    @Test("A missing store is a first start only with STORE_CREATE and an unpaired key ring")
    func missingStore() async throws {
        let first = StoreExamination(settings: try await configuration(["--store-create", "yes"]))
        let later = StoreExamination(settings: try await configuration())
        #expect(
            first.missing("/s", owner: nil).summary
                == "unknown store: Not checked: there is no store /s yet; the first start of a worker creates it."
        )
        #expect(first.missing("/s", owner: "abc").summary == "fail store: There is no store /s. The key ring belongs to the store abc.")
        #expect(later.missing("/s", owner: nil).summary == "fail store: There is no store /s.")
    }

    // MARK: Broker

    @Test(
        "A job queue without a consumer, or with a backlog, is a warning",
        arguments: [
            (1, 1, "pass door: 1 job waiting in q, one worker connected."),
            (2, 3, "pass door: 2 jobs waiting in q, 3 workers connected, one of them active."),
            (5, 0, "warn door: No worker takes jobs from q; 5 jobs waiting in q."),
            (100_000, 1, "warn door: 100000 jobs waiting in q, one worker connected."),
        ]
    )
    func door(ready: Int, consumers: Int, summary: String) async throws {
        let examination = BrokerExamination(settings: try await configuration())
        #expect(examination.check(queue: "q", QueueState(ready: ready, consumers: consumers)).summary == summary)
    }

    @Test("The dead queue should be empty")
    func deadQueue() async throws {
        let examination = BrokerExamination(settings: try await configuration())
        #expect(examination.check(deadQueue: "d", QueueState(ready: 0, consumers: 0)).summary == "pass dead queue: d is empty.")
        let full = examination.check(deadQueue: "d", QueueState(ready: 1, consumers: 0))
        #expect(full.summary == "warn dead queue: 1 message in d, which should be empty.")
        #expect(full.advice?.contains("dead-letters collect") == true)
    }

    @Test("Missing entities fail; invisible ones are a warning without a management API, and otherwise another check's findings")
    func topology() async throws {
        let plain = BrokerExamination(settings: try await configuration())
        let managed = try await configuration(["--management-url", "http://a:b@h"])
        var good = TopologyReport()
        good.unseen = ["types"]
        good.notes = ["a limit"]
        var bad = TopologyReport()
        bad.findings = [.init(.missing, "queue q"), .init(.different, "exchange e", "fanout")]
        #expect(plain.topology(good)?.status == .warn && plain.topology(good)?.output.contains("Not seen: types;") == true)
        #expect(BrokerExamination(settings: managed).topology(good) == nil)
        let broken = "fail topology: queue q is missing; exchange e is different: fanout."
        #expect(plain.topology(bad)?.summary == broken && BrokerExamination(settings: managed).topology(bad)?.summary == broken)
        let management = ManagementExamination(settings: managed)
        #expect(
            management.verdict(on: good).summary == "pass topology: Exchanges, queues and bindings are correct. Note: a limit."
        )
        #expect(management.verdict(on: bad).summary == broken)
        #expect(management.verdict(alarms: []).summary == "pass alarms: RabbitMQ has raised no alarm.")
        #expect(management.verdict(alarms: ["memory", "disk"]).output.hasSuffix("it runs out of memory and disk."))
    }

    @Test(
        "Users with more permissions than they need are findings",
        arguments: [
            (
                "worker", #"^autotask\.x"#, "", "",
                "The user worker of AMQP_URL may not take jobs from autotask.jobs, nor publish events to autotask.results."
            ),
            ("worker", ".*", ".*", ".*", "worker may use every exchange and queue without being an administrator."),
            ("reader", "", "", #"^autotask\.jobs$"#, "reader may take jobs from the job queue, or follow them."),
            ("writer", "", #"^autotask\.results$"#, "", "writer may publish events in the worker's place."),
            ("odd", "(?<=", "", "", "Not checked: the permissions of odd ((?<=) are patterns that doctor cannot read."),
            ("guest", "", "", "", "The broker has the user guest, whose password everybody knows."),
        ]
    )
    func users(name: String, configure: String, write: String, read: String, finding: String) async throws {
        let examination = UsersExamination(settings: try await configuration(["--trusted-publishers", "portal"]))
        var patterns = [
            "worker": ["", #"^autotask\.results$"#, #"^autotask\.jobs$"#], "portal": ["", #"^autotask\.jobs$"#, ""],
        ]
        #expect(
            examination.verdict(on: try rights(patterns), user: "worker", virtualHost: "/").summaries
                == ["pass users: None of 2 broker users has more permissions than it needs."]
        )
        patterns[name] = [configure, write, read]
        let checks = examination.verdict(on: try rights(patterns), user: "worker", virtualHost: "/")
        #expect(checks.map(\.output).contains(finding), "\(checks.summaries)")
    }

    @Test("A trusted but unknown publisher is a finding, and permissions of another broker say nothing")
    func unknownUsers() async throws {
        let examination = UsersExamination(settings: try await configuration(["--trusted-publishers", "portal,acme"]))
        let rights = try rights(["worker": ["", #"^autotask\.results$"#, #"^autotask\.jobs$"#]])
        let known = examination.verdict(on: rights, user: "worker", virtualHost: "/")
        #expect(
            known.map(\.output) == [
                "TRUSTED_PUBLISHERS names acme, portal, unknown to the broker: a new user of that name would be trusted."
            ]
        )
        #expect(examination.verdict(on: rights, user: "other", virtualHost: "/").map(\.status) == [.unknown])
    }

    @Test("The virtual host is one segment of the management API's paths")
    func managementPaths() {
        #expect(ManagementAPI.path("queues", "/") == "/api/queues/%2F")
        #expect(ManagementAPI.path("bindings", "live one") == "/api/bindings/live%20one")
    }

    private func rights(_ patterns: [String: [String]]) throws -> BrokerRights {
        let users = patterns.keys.sorted().map { JSON.object(["name": .string($0), "tags": []]) }
        let permissions = patterns.sorted { $0.key < $1.key }.map { name, patterns -> JSON in
            [
                "user": .string(name), "vhost": "/", "configure": .string(patterns[0]), "write": .string(patterns[1]),
                "read": .string(patterns[2]),
            ]
        }
        return try #require(BrokerRights(users: .array(users), permissions: .array(permissions), virtualHost: "/"))
    }

    @Test("A queue that refuses results when it is full, and a binding to the jobs, are findings")
    func followers() async throws {
        let examination = FollowersExamination(settings: try await configuration())
        func verdict(_ queues: JSON, _ bindings: JSON) throws -> [String] {
            let ways = try #require(BrokerWays(queues: queues, bindings: bindings))
            return examination.verdict(on: ways, virtualHost: "/").summaries
        }
        let door: JSON = ["name": "autotask.jobs"]
        #expect(try verdict([door], []) == ["pass followers: No queue that follows results can hold them up."])
        #expect(try verdict([], []) == ["unknown followers: Not checked: the management API shows no job queue in the virtual host /."])
        let full: JSON = ["name": "f", "arguments": ["x-overflow": "reject-publish"]]
        #expect(
            try verdict([door, full], [["source": "autotask.results", "destination": "f"]])
                == ["warn followers: The queue f follows results and refuses them when it is full. Then the events of their tenants wait."]
        )
        #expect(
            try verdict([door], [["source": "autotask.results", "destination": "autotask.jobs"]])
                == ["warn followers: Results are routed to autotask.jobs, where each becomes a dead letter."]
        )
    }

    // MARK: Autotask and the worker itself

    @Test("Autotask's answer shows whether it is Autotask, and the time there")
    func autotask() async throws {
        let examination = AutotaskExamination(settings: try await configuration())
        let destination = try HostPolicy().check("https://webservices.autotask.net/atservicesrest/")
        func check(_ status: Int, _ body: String) -> HealthReport.Check {
            examination.check(HTTPResponse(status: status, body: Array(body.utf8), elapsed: .milliseconds(5)), destination)
        }
        #expect(
            check(200, #"{"apiVersions": ["V1.0"]}"#).summary
                == "pass autotask: Autotask answers at webservices.autotask.net:443 over TLS after 5 ms."
        )
        #expect(check(200, #"{"apiVersions": ["V2.0"]}"#).status == .warn)
        #expect(check(503, "").summary == "fail autotask: webservices.autotask.net:443 answers 503, but not as Autotask does.")
        func clock(_ date: String) -> HealthReport.Check? {
            examination.clock(HTTPResponse(status: 200, headers: [("date", date)]), now: now)
        }
        #expect(clock("Mon, 30 Nov 2026 12:00:20 GMT")?.status == .pass)
        #expect(clock("Mon, 30 Nov 2026 11:50:00 GMT")?.summary == "warn clock: This machine's clock is 10 min ahead of Autotask's.")
        #expect(clock("Mon, 30 Nov 2026 12:01:00 GMT")?.summary == "warn clock: This machine's clock is 60 s behind Autotask's.")
        #expect(clock("soon") == nil)
    }

    @Test("The worker's own report is passed on")
    func readiness() async throws {
        let examination = ReadinessExamination(settings: try await configuration())
        func response(_ status: Int, _ body: JSON) -> HTTPResponse { HTTPResponse(status: status, body: body.encoded) }
        #expect(examination.check(response(200, ["checks": [:]]), "h:1").summary == "pass readiness: The worker at h:1 is ready.")
        #expect(examination.check(response(200, []), "h:1").summary == "fail readiness: The server at h:1 is not a worker.")
        let sick: JSON = ["checks": ["store": [["status": "fail", "output": "It is full."]], "jobs": [["status": "pass"]]]]
        #expect(
            examination.check(response(503, sick), "h:1").summary == "fail readiness: The worker at h:1 is not ready. store: It is full."
        )
        let held: JSON = ["checks": ["events": [["output": "a"], ["output": "b larger than c"]]]]
        let warnings = examination.warnings(response(200, held))
        #expect(warnings.summaries == ["warn events: a", "warn events: b larger than c"])
        #expect(warnings.last?.advice?.contains("max_message_size") == true)
    }
}
