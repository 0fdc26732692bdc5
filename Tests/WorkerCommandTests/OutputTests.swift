import ArgumentParser
import Contract
import Operations
import Store
import Testing

@testable import autotask_worker

/// The output of commands: lines for people, documents for scripts, and no control characters in either.
struct OutputTests {
    private let lane = Lane(tenant: TenantID("msp-1")!, product: .workplace)

    // MARK: Foreign text

    @Test(
        "A line shows control, hidden and reordering characters, and leaves all others",
        arguments: [
            ("a\u{1B}[31mb", "a␛[31mb"), ("a\nb\u{7F}", "a␊b␡"), ("a\u{202E}b", "a<U+202E>b"), ("\u{200B}\u{85}", "<U+200B><U+0085>"),
            ("Ünïcode – 日本 ✓️", "Ünïcode – 日本 ✓️"), ("\u{E000}", "<U+E000>"), ("\u{E0041}", "<U+E0041>"),
            // Marks and isolates of direction, joiners, fillers, the byte order mark, the soft hyphen.
            ("\u{200E}\u{200F}\u{61C}", "<U+200E><U+200F><U+061C>"), ("\u{2066}\u{2069}", "<U+2066><U+2069>"),
            ("\u{200C}\u{200D}\u{2060}", "<U+200C><U+200D><U+2060>"), ("\u{FEFF}\u{AD}\u{180E}", "<U+FEFF><U+00AD><U+180E>"),
            ("\u{3164}\u{115F}\u{FFA0}", "<U+3164><U+115F><U+FFA0>"), ("\u{2028}\u{2029}", "<U+2028><U+2029>"),
        ]
    )
    func escaped(text: String, shown: String) {
        #expect(TerminalText(text).description == shown)
    }

    @Test("A document escapes the same characters, which changes no value")
    func escapedJSON() throws {
        let json: JSON = ["name": "a\u{1B}\u{202E}\u{E0041}é"]
        let printed = TerminalText(json).description
        #expect(printed == #"{"name":"a\u001b\u202e\udb40\udc41é"}"#)
        #expect(try JSON(parsing: Array(printed.utf8)) == json)
    }

    @Test("Foreign text cannot contain a style")
    func styles() {
        let styled = TerminalText.styled("ab", "31")
        #expect(TerminalText(styled).description == "\u{1B}[31mab\u{1B}[0m")
        let forged = "\u{10FFFE}1;31;ab"
        #expect(!TerminalText(forged).description.contains("\u{1B}"))
    }

    // MARK: Diagnoses

    @Test("Steps that were not made for one reason share a line")
    func diagnosis() {
        func step(_ name: String, _ result: String, _ message: String) -> JSON {
            ["step": .string(name), "result": .string(result), "message": .string(message)]
        }
        let steps = [
            step("connection", "passed", "Connected."), step("tls", "skipped", "Not known."), step("zone", "failed", "It fails."),
            step("credentials", "skipped", "Not tried."), step("queryServices", "skipped", "Not tried."),
            step("clock", "skipped", "No date."),
        ]
        let lines = DiagnosisText.lines(of: steps).map { TerminalText($0).description }
        let words = lines.map { $0.split(separator: " ").joined(separator: " ") }
        #expect(
            words == [
                "✓ connection Connected.", "– tls Not known.", "✗ zone It fails.", "– Not tried.",
                "That concerns credentials, queryServices.", "– clock No date.",
            ]
        )
    }

    // MARK: The printer

    @Test("One output is one document, or its lines")
    func printer() throws {
        let outcome = Outcome(["file": "a\u{1B}b", "rows": 2, "head": String?.none], "Wrote a\u{1B}b.", "Done.", failure: ExitCode.no)
        #expect(outcome.printed(as: .text).map(\.description) == ["Wrote a␛b.", "Done."])
        #expect(outcome.printed(as: .json).map(\.description) == [#"{"file":"a\u001bb","rows":2,"head":null}"#])
        #expect(outcome.failure is ExitCode)
    }

    @Test("A listing without elements says so, and is an empty document")
    func emptyListing() {
        let listing = Listing<LaneOverview>(elements: [], whenEmpty: "Nothing.")
        #expect(listing.plainLines == ["Nothing."] && listing.json == [])
        #expect(listing.printed(as: .jsonl).isEmpty && listing.printed(as: .csv).count == 1)
    }

    @Test("JSON lines have a line for each element of a list, and one for anything else")
    func jsonLines() throws {
        let letters = Listing<KeptLetter>(elements: [], whenEmpty: "There are no dead letters.")
        #expect(letters.printed(as: .jsonl).isEmpty)
        #expect(Outcome(["a": 1], "One.").printed(as: .jsonl).map(\.description) == [#"{"a":1}"#])
    }

    @Test("--json is --output json, and contradicts any other form")
    func formats() throws {
        #expect(try FormatOptions.parse([]).format == .text)
        #expect(try FormatOptions.parse(["--json"]).format == .json)
        #expect(try FormatOptions.parse(["--output", "csv"]).format == .csv)
        #expect(try FormatOptions.parse(["--json", "--output", "json"]).format == .json)
        #expect(throws: (any Error).self) { try FormatOptions.parse(["--json", "--output", "jsonl"]) }
        #expect(throws: (any Error).self) { try FormatOptions.parse(["--output", "xml"]) }
    }

    @Test("Only a table is CSV")
    func csvNeedsTable() throws {
        let csv = try FormatOptions.parse(["--output", "csv"])
        #expect(throws: Failure.self) { try csv.check(Outcome.self) }
        try csv.check(Listing<LaneOverview>.self)
        try csv.check(Listing<KeptLetter>.self)
        try FormatOptions.parse([]).check(Outcome.self)
    }

    @Test("Members keep their order, and absent ones are null")
    func members() {
        let json = JSON.members([
            "b": 1, "a": Int64(2), "text": "x", "yes": true, "none": Timestamp?.none, "list": ["x", "y"], "kind": JobKind.sync,
            "code": ErrorCode.notConnected, "tenant": lane.tenant, "at": now, "own": JSON.number("1.50"),
        ])
        #expect(
            String(decoding: json.encoded, as: UTF8.self)
                == #"{"b":1,"a":2,"text":"x","yes":true,"none":null,"list":["x","y"],"kind":"sync","code":"not_connected","tenant":"msp-1","at":"2026-11-30T12:00:00.000Z","own":1.50}"#
        )
        #expect(JSON.members(["a": 1]) + .members(["b": 2, "a": 3]) == ["a": 3, "b": 2])
    }

    // MARK: Outputs

    @Test("A tenant's line and its document")
    func tenants() {
        let overview = LaneOverview(
            lane: lane,
            epoch: 2,
            connection: .connected,
            isEnabled: true,
            waitingJobs: 3,
            services: 4,
            syncedServices: 1,
            heldUpBy: "rate_limited"
        )
        let listing = Listing(elements: [overview], whenEmpty: "Nothing.")
        #expect(
            listing.plainLines == [
                "TENANT  PRODUCT    CONNECTION                            SERVICES  SYNCED  WAITING",
                "msp-1   workplace  connected, calls fail (rate_limited)         4       1        3",
            ]
        )
        #expect(listing.documents == [overview.json])
        #expect(
            overview.json == [
                "tenant": "msp-1", "product": "workplace", "epoch": 2, "connection": "connected", "enabled": true, "waitingJobs": 3,
                "services": 4, "syncedServices": 1, "heldUpBy": "rate_limited", "lastCode": nil,
            ]
        )
    }

    @Test("An integration that a pause holds is not said to have calls that fail")
    func paused() {
        var overview = LaneOverview(
            lane: lane,
            epoch: 2,
            connection: .connected,
            isEnabled: true,
            waitingJobs: 1,
            services: 0,
            syncedServices: 0
        )
        overview.heldUpBy = "held"
        overview.lastCode = "network"
        #expect(Listing(elements: [overview], whenEmpty: "").plainLines.last?.contains(" connected, paused  ") == true)
    }

    @Test("A service whose update has no known outcome is shown as events report it")
    func openUpdates() throws {
        let lane = Lane(tenant: try #require(TenantID("msp-1")), product: .workplace)
        var state = LaneState(epoch: 1)
        state.bindings = ["a", "b", "c"].map { ServiceBinding(planID: "p", serviceKey: $0, autotaskServiceID: 1, status: .synced) }
        state.openWrites = [("a", JournalEntry.State.sent), ("b", .confirmed)].map { key, write in
            JournalEntry(
                planID: "p",
                serviceKey: key,
                operation: .update,
                state: write,
                autotaskServiceID: 1,
                at: Timestamp(millisecondsSinceEpoch: 0)
            )
        }
        let detail = LaneReport(detail: LaneDetail(lane: lane, state: state, unfinished: [], finished: []), reasons: [:])
        #expect(detail.json["services"]?.array?.map { $0["status"]?.string } == ["Error", "Synced", "Synced"])
        #expect(detail.json["services"]?.array?.first?["lastErrorCode"] == "outcome_unknown")
        #expect(detail.lines.contains { $0.contains("p/a  Error") })
    }

    @Test("A health report sums up the findings, and its advice is below what does not pass")
    func health() {
        let report = HealthReport([
            .init("store", "It works."), .warn("door", "Nobody takes jobs.", advice: "Start a worker."), .notMade("users", "no URL."),
            .fail("broker", "Gone.", advice: "Look."),
        ])
        #expect(
            report.plainLines == [
                "✓ store   It works.", "! door    Nobody takes jobs.", "          Start a worker.", "? users   Not checked: no URL.",
                "✗ broker  Gone.", "          Look.", "1 of 4 checks fail, 1 deserves a look, 1 was not made.",
            ]
        )
        #expect(report.failure is ExitCode)
        let well = HealthReport([.init("store", "It works.")])
        #expect(well.plainLines.last == "All 1 checks pass." && well.failure == nil)
    }

    @Test("Settings are listed with their origin, secrets masked, and followed by their errors")
    func settings() async throws {
        let settings = try await configuration(["--amqp-url", "amqp://u:hunter2@b/"], ["QUOTA_SHARE": "0"])
        let listing = ConfigurationListing(settings: settings)
        #expect(listing.plainLines.first == "AMQP_URL                    amqp://u:…@b/  (command line)")
        #expect(listing.plainLines.contains("AMQP_CA_FILE                –  (unset)"))
        #expect(
            listing.plainLines.last
                == "QUOTA_SHARE (from the environment) is not a positive whole number. See autotask-worker run --print-config."
        )
        #expect(listing.json["AMQP_URL"] == ["value": "amqp://u:…@b/", "origin": "command line"])
        #expect(listing.json["MANAGEMENT_URL"] == ["value": nil, "origin": "unset"])
        #expect(listing.json.object?.members.map(\.name) == SettingsTable.all.map(\.name))
    }

    @Test("An event other than a success counts as a failure", arguments: [("sync.succeeded", true), ("sync.failed", false), ("x", false)])
    func events(type: String, isGood: Bool) {
        let event = EventText(event: ["type": .string("autotask.\(type)"), "subject": "msp-1", "time": "2026-11-30T12:00:00.000Z"])
        #expect((event.failure == nil) == isGood)
        #expect(event.plainLines.first?.hasPrefix("12:00:00.000  msp-1       \(type)") == true)
        #expect(event.json["subject"] == "msp-1")
    }
}

extension CommandOutput {
    /// Its printed lines, without colours: the tests may run on a terminal.
    fileprivate var plainLines: [String] { printed(as: .text).map { String($0.description.replacing(/\u{1B}\[[0-9]*m/, with: "")) } }
}
