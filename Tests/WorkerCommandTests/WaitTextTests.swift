import Contract
import Engine
import Store
import Testing

@testable import autotask_worker

@Suite("The words of job why")
struct WaitTextTests {
    private static let now = Timestamp("2026-11-22T08:00:00Z")!
    private let end = Timestamp("2026-11-22T08:05:00Z")!
    private let lane = Lane(tenant: TenantID("msp-4711")!, product: .workplace)

    private func text(_ state: WaitText.State) -> WaitText {
        WaitText(lane: lane, id: JobID("job-1")!, kind: .sync, acceptedAt: Self.now, state: state)
    }

    private func held(_ part: CallBarrier.Part, _ cause: CallBarrier.Cause, until: Timestamp?, percent: Int? = nil) -> WaitText {
        let barrier = CallBarrier(part, cause, since: Self.now, until: until, percent: percent)
        return text(.waiting(.heldBack(barrier, retry: end, code: cause == .outage ? .autotaskUnavailable : .rateLimited)))
    }

    @Test("A barrier has its part, since and until in words and in JSON")
    func barriers() {
        let zone = held(.zone(host: "webservices14.autotask.net"), .outage, until: end)
        #expect(
            zone.lines[1] == """
                Calls to the zone webservices14 fail: its circuit breaker is open since 2026-11-22T08:00:00.000Z, and admits a probe at \
                2026-11-22T08:05:00.000Z. It is tried again at 2026-11-22T08:05:00.000Z (autotask_unavailable).
                """
        )
        #expect(zone.json["reason"] == "retry" && zone.json["code"] == "autotask_unavailable")
        #expect(zone.json["until"] == "2026-11-22T08:05:00.000Z" && zone.json["text"] == .string(zone.lines[1]))
        #expect(
            zone.json["barrier"] == [
                "cause": "outage", "scope": "zone", "zone": "webservices14", "since": "2026-11-22T08:00:00.000Z",
                "until": "2026-11-22T08:05:00.000Z",
            ]
        )
        let usage = held(.database(7), .usage, until: nil, percent: 75)
        #expect(
            usage.lines[1].hasPrefix("At least 75 % of the hourly quota of the Autotask database 7 is used since 2026-11-22T08:00:00.000Z.")
        )
        #expect(usage.json["barrier"]?["percent"] == 75 && usage.json["barrier"]?["databaseId"] == 7)
        let limit = held(.database(7), .limit, until: end)
        #expect(limit.lines[1].contains("asked for no call before 2026-11-22T08:05:00.000Z."))
        let share = held(.database(7), .share, until: end)
        #expect(share.lines[1].contains("used its share") && share.lines.last?.contains("QUOTA_SHARE") == true)
    }

    @Test("A digest of credentials is never shown")
    func credentials() {
        let credentials = held(.credentials([0xAB, 0xCD]), .outage, until: end)
        #expect(credentials.lines[1].contains("refuses its credentials without a reason"))
        let json = String(decoding: credentials.json.encoded, as: UTF8.self)
        #expect(!json.lowercased().contains("abcd") && !credentials.lines.joined().lowercased().contains("abcd"))
    }

    @Test("A failed job says what its error means and what to do")
    func failed() {
        let failed = text(.ended(at: Self.now, .syncFailed, code: "permission_denied", unconfirmed: nil))
        let error = JobError(.permissionDenied)
        #expect(failed.lines[1] == "It ended at 2026-11-22T08:00:00.000Z: sync.failed (permission_denied). \(error.message)")
        #expect(failed.lines.contains { $0.contains(error.hint) })
        let unknown = text(.ended(at: Self.now, .syncFailed, code: "from_a_newer_worker", unconfirmed: nil))
        #expect(unknown.lines[1].hasSuffix("sync.failed (from_a_newer_worker)."))
    }

    @Test("An ended job names its event until the broker has confirmed it")
    func events() {
        func ended(_ unconfirmed: UnconfirmedEvent?) -> WaitText {
            text(.ended(at: Self.now, .syncSucceeded, code: nil, unconfirmed: unconfirmed))
        }
        #expect(ended(nil).lines[1] == "It ended at 2026-11-22T08:00:00.000Z: sync.succeeded.")
        #expect(ended(nil).json["eventWaitsSince"] == nil)
        let waiting = ended(UnconfirmedEvent(since: Self.now, awaitsErasure: false))
        #expect(waiting.lines[1].hasSuffix("Its event waits since 2026-11-22T08:00:00.000Z until the broker confirms it."))
        #expect(waiting.lines.contains { $0.contains("autotask-worker doctor") })
        #expect(waiting.json["eventWaitsSince"] == "2026-11-22T08:00:00.000Z" && waiting.json["eventWaitsFor"] == "broker")
        let held = ended(UnconfirmedEvent(since: Self.now, awaitsErasure: true))
        #expect(held.json["eventWaitsFor"] == "erasure" && held.lines[1].contains("until a process has ended"))
    }
}
