import Contract
import Operations
import SQLiteStore
import Store
import Vault

/// The findings on a store's contents for its operator.
struct ContentsFindings {
    private let inspection: StoreInspection
    private let backlogLimit: Int?
    private let vault: Vault?
    var now: Timestamp { inspection.moment }

    /// - Parameters:
    ///   - inspection: the store's contents.
    ///   - backlogLimit: the number of unfinished jobs at which the worker takes no more; `nil` if it is not known.
    ///   - vault: opens the keys of credentials; `nil` without a key ring.
    init(_ inspection: StoreInspection, backlogLimit: Int?, vault: Vault?) {
        self.inspection = inspection
        self.backlogLimit = backlogLimit
        self.vault = vault
    }

    var isWorkerAlive: Bool { inspection.workers.contains { $0.isAlive(at: now) } }

    /// All checks except those on events.
    var checks: [HealthReport.Check] {
        [workers, clocks, jobs, pauses, integrations, credentials, writes, checks(on: .contents), [deadLetters]].flatMap(\.self)
    }

    /// One failure for each broken law of a topic.
    func checks(on topic: StoreLaw.Topic) -> [HealthReport.Check] {
        inspection.breaches.filter { $0.law.topic == topic }.map { breach in
            .fail(topic.rawValue, "\(breach.law.breach): \(breach.occurrences.text).", advice: breach.law.advice)
        }
    }

    /// A topic's breaches and other findings, or one passing check when there are none.
    private func checks(on topic: StoreLaw.Topic, _ others: [HealthReport.Check?], otherwise text: String) -> [HealthReport.Check] {
        let found = checks(on: topic) + others.compactMap(\.self)
        return found.isEmpty ? [.init(topic.rawValue, text)] : found
    }

    // MARK: Workers

    /// The longest time from the end of a lease until another worker takes over.
    private static let takeoverTime: Duration = .seconds(15)
    /// A lease lasts 15 s. One that ends later than this was given by another clock.
    private static let longestLease: Duration = .seconds(60)

    private var workers: [HealthReport.Check] {
        let alive = inspection.workers.filter { $0.isAlive(at: now) }
        let lost = inspection.workers.filter { !$0.isAlive(at: now) && $0.lanes > 0 }
        let held = "Dead workers hold \(lost.reduce(0) { $0 + $1.lanes }.of("integration"))"
        guard !alive.isEmpty else {
            return [
                .warn(
                    "workers",
                    "No worker runs on the store." + (lost.isEmpty ? "" : " \(held)."),
                    advice: "Start one: autotask-worker run." + (lost.isEmpty ? "" : " It takes over what was left behind.")
                )
            ]
        }
        let running = alive.count == 1 ? "1 worker runs on the store" : "\(alive.count) workers run on the store"
        if lost.contains(where: { $0.leaseEnd + ContentsFindings.takeoverTime < now }) {
            return [
                .fail(
                    "workers",
                    "\(held), and no worker has taken over, although \(alive.count == 1 ? "a worker runs" : "\(alive.count) workers run").",
                    advice: "See in the worker's log why the store refuses it, and restart it."
                )
            ]
        }
        return [.init("workers", lost.isEmpty ? "\(running)." : "\(running). \(held): a worker is about to take them over.")]
    }

    /// The pauses that end first are named.
    private var pauses: [HealthReport.Check] {
        let pauses = inspection.pauses.sorted { ($0.end, $0.id) < ($1.end, $1.id) }
        guard !pauses.isEmpty else { return [] }
        let shown = 5
        let named = pauses.prefix(shown).map { "\($0.scope) until \($0.end) by \($0.actor): \($0.reason)" }
        let rest = pauses.count > shown ? ["and \(pauses.count - shown) more"] : []
        let text = "\(inspection.pausedJobs.of("job")) wait under \(pauses.count.of("pause")): \((named + rest).joined(separator: "; "))."
        return [.warn("pauses", text, advice: "See autotask-worker pause list.")]
    }

    private var clocks: [HealthReport.Check] {
        let ahead = inspection.workers.filter { !$0.isGone && $0.leaseEnd > now + ContentsFindings.longestLease }
        var checks: [HealthReport.Check] = []
        if let worker = ahead.first {
            checks.append(
                .fail(
                    "clock",
                    "The lease of worker \(worker.id) ends \((worker.leaseEnd - now).inWords) from now: its clock is ahead, or this one was set back.",
                    advice:
                        "Set the machine's clock. Until then the store refuses workers that start. Stopping all workers of the store helps too."
                )
            )
        }
        if inspection.acceptedAhead.count > 0 {
            checks.append(
                .warn(
                    "clock",
                    "Jobs were accepted in the future: \(inspection.acceptedAhead.text).",
                    advice: "The machine's clock was set back, or is behind: compare it with a time server."
                )
            )
        }
        return checks
    }

    // MARK: Jobs and integrations

    private var jobs: [HealthReport.Check] {
        checks(on: .jobs, [backlog, heldBacklog, heldUp, postponed, kept], otherwise: "\(inspection.backlog.total.of("unfinished job")).")
    }

    private var backlog: HealthReport.Check? {
        guard let backlogLimit, inspection.backlog.waiting >= backlogLimit else { return nil }
        return .warn(
            "jobs",
            "\(inspection.backlog.waiting) unfinished jobs: at BACKLOG_LIMIT (\(backlogLimit)) and above, further jobs wait at the broker.",
            advice: "Autotask may be slow or unreachable: see autotask-worker tenant list, and the checks of autotask."
        )
    }

    private var heldBacklog: HealthReport.Check? {
        guard let backlogLimit, inspection.backlog.held >= Backlog.heldShare(of: backlogLimit) else { return nil }
        return .warn(
            "jobs",
            "Pauses hold \(inspection.backlog.held) jobs: at \(Backlog.heldFactor) times BACKLOG_LIMIT (\(backlogLimit)) and above, further jobs wait at the broker.",
            advice: "End pauses that are not needed any more: see autotask-worker pause list."
        )
    }

    private var heldUp: HealthReport.Check? {
        guard inspection.heldUp.count > 0 else { return nil }
        return .warn(
            "jobs",
            "The work of \(inspection.heldUp.count.of("integration")) waits, because calls to Autotask fail: \(inspection.heldUp.text).",
            advice: "The worker tries again. See autotask-worker sync show JOB, and autotask-worker doctor --tenant ID"
        )
    }

    private var postponed: HealthReport.Check? {
        guard inspection.postponedTooFar.count > 0 else { return nil }
        return .warn(
            "jobs",
            "Jobs are deferred for longer than RETRY_HOURS allows: \(inspection.postponedTooFar.text).",
            advice: "RETRY_HOURS was lowered, or the clock was set: a new job of the same kind replaces each."
        )
    }

    private var kept: HealthReport.Check? {
        guard inspection.keptTooLong > 0, isWorkerAlive else { return nil }
        return .fail(
            "jobs",
            "The data of \(inspection.keptTooLong.of("ended job")) has been kept for more than 30 days, although a worker runs.",
            advice: "A worker erases it within the hour: see its log for why it cannot."
        )
    }

    private var integrations: [HealthReport.Check] {
        let lost = inspection.lostConnections
        let found = "\(inspection.lanes.of("integration")), \(inspection.connections - lost.count) of them connected"
        let refused: HealthReport.Check? =
            lost.count == 0
            ? nil
            : .warn(
                "integrations",
                "\(found), and \(lost.count) no longer: \(lost.text).",
                advice: "They make no call until their portal connects them again: autotask-worker tenant show TENANT"
            )
        return checks(on: .integrations, [refused, setAside], otherwise: "\(found).")
    }

    private var setAside: HealthReport.Check? {
        guard inspection.setAside.count > 0 else { return nil }
        return .fail(
            "integrations",
            "Set aside, because a row of the store cannot be read: \(inspection.setAside.text).",
            advice:
                "The worker does nothing for them; all others continue. Restore a backup (autotask-worker store restore FILE), or repair the row and restart the workers."
        )
    }

    /// A warning when the event of a reset waits for readers of the store.
    func erasure(at path: String) -> HealthReport.Check? {
        guard let since = inspection.erasureAwaitedSince, isWorkerAlive, now - since > .seconds(5) else { return nil }
        return .warn(
            "erasure",
            StoreReaders.delay(now - since, at: path),
            advice: "It is published once they have ended. A backup gives way within a minute; end other readers."
        )
    }

    // MARK: Credentials

    private var credentials: [HealthReport.Check] {
        let count = inspection.credentialsKeys.count
        if vault == nil, checks(on: .credentials).isEmpty {
            return [.notMade("credentials", "there is no key ring to open the credentials of \(count.of("connection")).")]
        }
        return checks(
            on: .credentials,
            [unopened],
            otherwise: "The key ring opens the credentials keys of \(count.of("connection"))."
        )
    }

    private var unopened: HealthReport.Check? {
        guard let vault else { return nil }
        let unopened = inspection.credentialsKeys.filter { !vault.opensCredentialsKey($0.wrapped, lane: $0.lane) }
        guard let first = unopened.first else { return nil }
        return .fail(
            "credentials",
            "The key ring does not open the credentials of \(unopened.count) of \(inspection.credentialsKeys.count.of("connection")), such as \(first.lane).",
            advice:
                "The ring belongs to another store, or lacks a key: set VAULT_KEYS to the right ring, or restore it. Otherwise the tenants have to connect again."
        )
    }

    // MARK: Writes and dead letters

    private var writes: [HealthReport.Check] {
        let unanswered: HealthReport.Check? =
            inspection.unansweredWrites.count == 0
            ? nil
            : .warn(
                "writes",
                "Sent to Autotask more than a day ago, with the outcome unknown: \(inspection.unansweredWrites.text).",
                advice: "The tenant's next sync looks them up: publish one, or look the service up in Autotask."
            )
        let left: HealthReport.Check? =
            inspection.leftWrites.count == 0 || inspection.unansweredWrites.count > 0
            ? nil
            : .warn(
                "writes",
                "Sent to Autotask with the outcome unknown, and no running job looks them up: \(inspection.leftWrites.text).",
                advice: "The tenant's next sync looks them up."
            )
        let open =
            inspection.openWrites == 0
            ? "No write to Autotask is unresolved." : "\(inspection.openWrites.of("write")) to Autotask under way."
        return checks(on: .writes, [unanswered, left], otherwise: open)
    }

    private var deadLetters: HealthReport.Check {
        let count = inspection.deadLetters.reduce(0) { $0 + $1.count }
        guard count > 0 else { return .init("dead letters", "There are no dead letters.") }
        let reasons = inspection.deadLetters.map { "\($0.reason) \($0.count)" }.joined(separator: ", ")
        return .warn(
            "dead letters",
            "\(count.of("dead letter")): \(reasons).",
            advice: "List them: autotask-worker dead-letters list"
        )
    }
}
