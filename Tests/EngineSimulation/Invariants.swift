import AutotaskModel
import Contract
import Engine
import Store
import Synchronization

/// The properties that must hold at the end of every run.
enum Invariants {
    /// Whether every published job has been answered, and no event waits.
    static func hasEverythingEnded(_ portal: Portal, _ world: World) -> Bool {
        guard world.disk.tables.outbox.isEmpty, hasPoisonBeenFound(portal, world), hasRedrivenEverything(world) else {
            return false
        }
        let answers = answers(world)
        return portal.published.allSatisfy { answers["\($0.tenant) \($0.id)"] != nil }
    }

    static func violations(_ portal: Portal, _ world: World) -> [String] {
        let answers = answers(world)
        var violations: [String] = []
        for job in portal.published {
            let ids = answers["\(job.tenant) \(job.id)"] ?? []
            if ids.count != 1 { violations.append("\(job.id) of \(job.tenant) ended \(ids.count) times.") }
        }
        violations += redrives(world, answers: answers) + conflicts(portal, world) + poison(portal, world) + calls(portal, world)
        violations += sequences(world) + fences(world) + order(portal, world) + audit(portal, world) + history(world)
        violations += duplicates(portal, world) + letters(world) + checks(world) + supersessions(world) + claims(world) + deadlines(world)
        violations += sizes(world) + repetitions(world) + world.traces.violations(world.broker.published.map(\.event.event))
        for tenant in portal.tenants {
            violations += finalServices(of: tenant, portal, world) + writesAfterReset(of: tenant, portal, world)
        }
        violations += links(portal, world) + world.network.lateChanges + world.network.callsUnderPauses
        if !world.disk.tables.outbox.isEmpty { violations.append("Some events were not published.") }
        for lane in world.disk.tables.lanes
        where world.isWorkedOn(lane)
            || (lane.state.openWrites.contains { $0.planID == Portal.concludedPlan }
                && !foundLaneFull(lastSync(of: lane.lane, portal, world)) && !lastConnectMayBeRepeated(of: lane.lane, portal, world))
        {
            violations.append("The lane of \(lane.lane.tenant) still has unfinished work.")
        }
        return violations
    }

    /// The distinct ids of the terminal events that answered a job, by tenant and job.
    private static func answers(_ world: World) -> [String: Set<String>] {
        var answers: [String: Set<String>] = [:]
        for published in world.broker.published where published.event.isTerminal {
            let event = published.event.event
            guard let job = event.jobID else { continue }
            answers["\(event.lane.tenant) \(job)", default: []].insert(event.id)
        }
        return answers
    }

    /// An id that was used for two payloads is reported as a conflict.
    private static func conflicts(_ portal: Portal, _ world: World) -> [String] {
        let told = Set(
            world.broker.published.filter { $0.event.event.type == .jobConflict }.map {
                "\($0.event.event.lane.tenant) \($0.event.event.jobID?.description ?? "")"
            }
        )
        return portal.published.filter { $0.isContested && !told.contains("\($0.tenant) \($0.id)") }.map {
            "\($0.id) of \($0.tenant) stood for two payloads, and no conflict was reported."
        }
    }

    private static func hasPoisonBeenFound(_ portal: Portal, _ world: World) -> Bool {
        !portal.hasPoisonMessage || world.disk.tables.letters.contains { $0.letter.reason == ErrorCode.poison.rawValue }
    }

    /// A job or message that kills workers is abandoned, and no other: if nothing else killed a worker, all other jobs end normally.
    private static func poison(_ portal: Portal, _ world: World) -> [String] {
        var violations: [String] = []
        if !hasPoisonBeenFound(portal, world) { violations.append("The poison message was not detected.") }
        let abandoned = world.broker.published.map(\.event.event).filter { $0.type == .jobAbandoned }
        let outOfTime = world.broker.published.map(\.event.event).filter { event in
            // It ends with the cause of its last attempt.
            event.type == .connectionFailed && event.failureCode.flatMap(ErrorCode.init(rawValue:))?.properties.isRetryable == true
        }
        if let tenant = portal.poisonTenant,
            // A connect may reach its deadline before it has killed five workers.
            !(abandoned + outOfTime).contains(where: { $0.lane.tenant.description == tenant.id })
        {
            violations.append("The poison job was not abandoned.")
        }
        let counts = world.faults.counts
        // It ends at its deadline in any case, and must not have killed more than five workers until then.
        if counts[.poisonJob, default: 0] > 5 {
            violations.append("The poison job was not abandoned: it killed \(counts[.poisonJob, default: 0]) workers.")
        }
        guard [.workerKilled, .workerStopped, .workerFinished, .storeFailed].allSatisfy({ counts[$0, default: 0] == 0 }) else {
            return violations
        }
        for event in abandoned where event.lane.tenant.description != portal.poisonTenant?.id && !portal.hasPoisonMessage {
            violations.append("\(event.jobID?.description ?? "?") of \(event.lane.tenant) was abandoned.")
        }
        return violations
    }

    /// An abandoned job is one dead-lettered job, and no unfinished job is a dead-lettered one.
    private static func letters(_ world: World) -> [String] {
        let tables = world.disk.tables
        let dead = tables.letters.compactMap { row -> Int64? in
            guard case .job(let job) = row.letter.content else { return nil }
            return job.order
        }
        var violations: [String] = []
        for job in tables.jobs where job.event?.event.type == .jobAbandoned && dead.count(where: { $0 == job.job.order }) != 1 {
            violations.append("\(job.job.id) of \(job.lane.tenant) was abandoned, and is not one dead-lettered job.")
        }
        for order in dead where !tables.jobs.contains(where: { $0.job.order == order && $0.finishedAt != nil }) {
            violations.append("A dead-lettered job is unfinished.")
        }
        return violations
    }

    /// The number of jobs that a claim reads and ends does not depend on how many jobs wait.
    private static func claims(_ world: World) -> [String] {
        let tables = world.disk.tables
        var violations: [String] = []
        if tables.mostSeen > LaneSnapshot.maximumRows { violations.append("A claim looked at \(tables.mostSeen) jobs of a lane.") }
        if tables.mostEnded > LaneSnapshot.maximumEnded { violations.append("A claim ended \(tables.mostEnded) jobs of a lane.") }
        return violations
    }

    /// The chain of `supersededBy` ends at a job that was not superseded and did not expire before the first one could. A job superseded
    /// without that member names a revision. A late job ends in favour of a job that overtook it, even if that then expires
    /// (``LaneOrder/admit(_:)``). Only a reset supersedes a request for billing codes.
    private static func supersessions(_ world: World) -> [String] {
        let jobs = world.disk.tables.jobs
        var ends: [String: ModelTables.JobRow] = [:]
        for job in jobs { ends["\(job.lane) \(job.job.id)"] = job }
        func data(_ job: ModelTables.JobRow) -> JSON? {
            guard job.event?.event.type == .jobSuperseded, let event = job.event?.event, !event.data.isEmpty else { return nil }
            return try? JSON(parsing: event.data)
        }
        return jobs.flatMap { job -> [String] in
            guard let first = data(job) else { return [] }
            let name = "\(job.job.id) of \(job.lane.tenant)"
            guard first["supersededBy"] != nil else {
                let isNamed = first["error"]?["message"]?.string?.contains("Revision") ?? false
                return isNamed || first["error"]?["message"]?.string?.contains("reset") ?? false
                    ? [] : ["\(name) was superseded for no reason."]
            }
            var (next, steps) = (first["supersededBy"]?.string, 0)
            while let id = next {
                guard let follower = ends["\(job.lane) \(id)"] else { return ["\(name) was superseded by \(id), which is not there."] }
                // A follower that would have expired no later did not keep the job from running.
                let wouldHaveExpired = job.job.expiry.map { end in follower.job.expiry.map { end <= $0 } ?? false } ?? false
                let hadOvertaken = follower.job.order < job.job.order && follower.wasRequested(after: job)
                if follower.event?.event.type == .jobExpired, !wouldHaveExpired, !hadOvertaken {
                    return ["\(name) was superseded by \(id), which expired."]
                }
                steps += 1
                if steps > jobs.count { return ["\(name) was superseded in a circle."] }
                next = data(follower)?["supersededBy"]?.string
                if job.job.kind == .billingCodes, follower.job.kind != .reset { return ["\(name) was superseded by \(id)."] }
            }
            return []
        }
    }

    /// Jobs for which a person waits end in time, allowing for a dead worker's lease and the permitted difference of clocks: no worker runs
    /// that long without ending them.
    private static func deadlines(_ world: World) -> [String] {
        let counts = world.faults.counts
        // Where workers stand still, or poison kills one after the other, no worker may be there to end the job.
        let absences: [Fault] = [.clockStepped, .workerStopped, .poisonJob, .poisonMessage]
        guard absences.allSatisfy({ counts[$0, default: 0] == 0 }) else { return [] }
        let slack: Duration = .seconds(45)
        let lives = world.lives.withLock { $0 }
        return world.disk.tables.jobs.compactMap { row -> String? in
            guard let deadline = row.job.deadline, let end = row.event?.event.time, end > deadline + slack else { return nil }
            guard lives.contains(where: { min($0.end ?? end, end) - max($0.begin, deadline) > slack }) else { return nil }
            return "\(row.job.id) of \(row.lane.tenant) had to end by \(deadline), and ended at \(end)."
        }
    }

    /// Scheduled checks answer no job and are not dead-lettered, and a lane has at most one of each kind.
    private static func checks(_ world: World) -> [String] {
        let tables = world.disk.tables
        let told = world.broker.published.map(\.event.event).filter { $0.jobID?.description.contains("/") ?? false }
        var violations = told.map { "\($0.type.rawValue) of \($0.lane.tenant) answers a scheduled check." }
        if tables.letters.contains(where: { $0.letter.jobID?.description.contains("/") ?? false }) {
            violations.append("A scheduled check was dead-lettered.")
        }
        let checks = tables.jobs.filter(\.job.isScheduled)
        if Set(checks.map { [$0.lane.description, $0.job.kind.rawValue] }).count < checks.count {
            violations.append("A lane has two scheduled checks of a kind.")
        }
        if checks.contains(where: { $0.finishedAt != nil }) { violations.append("A scheduled check left something behind.") }
        return violations
    }

    /// At most two calls run at a time for one entity of a database, and repeated refusals lock no API user. Within the time for which they
    /// are remembered, there are at most two, or one for each password that a portal sent. There is one more for each worker that died before
    /// it recorded one, and for each reset, which forgets them.
    private static func calls(_ portal: Portal, _ world: World) -> [String] {
        var violations: [String] = []
        let counts = world.faults.counts
        // A worker whose clock is too far ahead takes over from live workers, who learn of it when they
        // next renew their leases.
        let generations = counts[.clockStepped, default: 0] == 0 ? 1 : 2
        if world.network.maximumInFlight > ClaimRequest.lanesPerDatabase * generations {
            violations.append("\(world.network.maximumInFlight) calls were in flight at once.")
        }
        let interruptions = [Fault.workerKilled, .workerStopped, .workerFinished, .poisonJob, .poisonMessage, .storeFailed, .clockStepped]
            .reduce(0) { $0 + counts[$1, default: 0] }
        for tenant in portal.tenants {
            let refusals = world.network.refusals.filter { $0.username == tenant.username }
            let resets = portal.published.count { $0.kind == "reset" && $0.tenant == tenant.id }
            for first in refusals {
                let near = refusals.filter { $0.at >= first.at && $0.at < first.at + world.settings.refusalMemory }
                let count = near.count
                guard count > max(2, Set(near.map(\.secret)).count) + interruptions + resets else { continue }
                violations.append("\(count) calls of \(tenant.username) were refused within \(world.settings.refusalMemory).")
                break
            }
        }
        return violations
    }

    /// A tenant's sequence has no gap within an epoch, and no number belongs to two events.
    private static func sequences(_ world: World) -> [String] {
        var events: [String: [Int64: Set<String>]] = [:]
        for published in world.broker.published {
            guard let sequence = published.event.sequence else { continue }
            let lane = "\(published.event.event.lane) in epoch \(published.event.epoch)"
            events[lane, default: [:]][sequence, default: []].insert(published.event.event.id)
        }
        return events.keys.sorted().flatMap { lane -> [String] in
            let numbers = events[lane] ?? [:]
            var violations: [String] = []
            if numbers.keys.sorted() != Array(1...Int64(numbers.count)) { violations.append("The sequence of \(lane) has a gap.") }
            if numbers.values.contains(where: { $0.count > 1 }) { violations.append("A sequence of \(lane) stands for two events.") }
            return violations
        }
    }

    /// Jobs accepted before a reset end before it, in its epoch.
    private static func fences(_ world: World) -> [String] {
        let jobs = world.disk.tables.jobs
        return jobs.compactMap { reset -> String? in
            guard let receipt = reset.event, receipt.event.type == .integrationReset else { return nil }
            let late = jobs.first { job in
                job.lane == reset.lane && job.job.order < reset.job.order && (job.event.map { $0.epoch > receipt.epoch } ?? true)
            }
            return late.map { "\($0.job.id) of \(reset.lane.tenant) was accepted before \(reset.job.id) and ended after it." }
        }
    }

    /// Jobs published before a reset end before it, in its epoch, although the broker may deliver them again after it: a worker knows
    /// by `time`. If two consumers are active, one may hold a message for any time.
    private static func order(_ portal: Portal, _ world: World) -> [String] {
        guard world.faults.counts[.secondConsumer, default: 0] == 0 else { return [] }
        let rows = Dictionary(world.disk.tables.jobs.map { ("\($0.lane) \($0.job.id)", $0) }) { first, _ in first }
        let published = Dictionary(grouping: portal.published) { "\($0.tenant) \($0.product.rawValue)" }
        func row(_ job: Portal.Published) -> ModelTables.JobRow? {
            TenantID(job.tenant).flatMap { rows["\(Lane(tenant: $0, product: job.product)) \(job.id)"] }
        }
        return published.values.flatMap { jobs -> [String] in
            let resets = jobs.filter { $0.kind == "reset" }.compactMap { job in row(job).map { (job, $0) } }
            return jobs.filter { $0.kind != "reset" }.compactMap { job -> String? in
                guard let event = row(job)?.event, event.event.type != .jobSuperseded else { return nil }
                return resets.first { reset, row in
                    job.at < reset.at && row.event?.event.type == .integrationReset && event.epoch > row.event?.epoch ?? .max
                }.map { "\(job.id) of \(job.tenant) was published before \($0.0.id) and ran after it." }
            }
        }.sorted()
    }

    /// The audit log is intact, records every write before Autotask receives it, and has one row for the end of every job.
    private static func audit(_ portal: Portal, _ world: World) -> [String] {
        let log = world.disk.tables.audit
        var violations: [String] = []
        let page = log.page(after: 0, limit: .max)
        let chain = AuditChain(World.vault)
        var verification = AuditVerification(chain, from: page.anchor)
        for row in page.rows { verification.take(row) }
        if let fault = verification.end(at: page.head) { violations.append("The audit log is not intact. \(fault.description)") }
        for tenant in portal.tenants {
            let writes = world.network.writes.filter { $0.username == tenant.username }
            for (index, write) in writes.enumerated() where write.told < index + 1 {
                violations.append("Write \(index + 1) of \(tenant.id) was made, and the audit log recorded \(write.told).")
            }
        }
        // The codes of the ends.
        let ends = log.rows.reduce(into: [String: [String?]]()) { ends, row in
            guard let facts = try? JSON(parsing: Array(row.entry.facts.utf8)),
                facts["ended"]?.string.flatMap(EventType.init(rawValue:))?.isTerminal == true
            else { return }
            ends["\(row.entry.tenant ?? "") \(row.entry.jobID ?? "")", default: []].append(facts["code"]?.string)
        }
        for job in world.disk.tables.jobs where job.finishedAt != nil {
            let name = "\(job.job.id) of \(job.lane.tenant)"
            let codes = ends["\(job.lane.tenant) \(job.job.id)"] ?? []
            if codes.count != 1 { violations.append("The end of \(name) has \(codes.count) rows in the audit log.") }
            if let code = codes.first, code != job.code {
                violations.append("The row of \(name) has \(job.code ?? "no code"), and the audit log has \(code ?? "no code").")
            }
            guard let event = job.event?.event, !event.data.isEmpty, let code = codes.first, code != event.failureCode else { continue }
            violations.append("\(name) ended with \(event.failureCode ?? "no code"), and the audit log has \(code ?? "no code").")
        }
        return violations
    }

    /// The recorded attempts of a job hold as many calls as were counted, and how it ended, unless a reset came later. Scheduled checks
    /// have no recorded attempts.
    private static func history(_ world: World) -> [String] {
        let jobs = world.disk.tables.jobs
        return jobs.flatMap { row -> [String] in
            let name = "\(row.job.id) of \(row.lane.tenant)"
            let made = row.shownAttempts
            let calls = made.reduce(0) { $0 + $1.calls.count { $0.path != "ThresholdInformation" } }
            guard !row.job.isScheduled, !made.isEmpty, made.count < Attempt.limit else { return [] }
            var violations: [String] = []
            if calls != row.job.apiCalls { violations.append("\(calls) calls of \(name) are recorded, \(row.job.apiCalls) counted.") }
            if made.count(where: \.endsJob) > 1 { violations.append("\(name) is recorded as ended twice.") }
            if made.contains(where: \.wrote), !row.job.hasWritten { violations.append("A write of \(name) was not journalled.") }
            if made.count(where: { $0.calls.contains { $0.path.contains("@") || $0.path.contains("?") } }) > 0 {
                violations.append("The record of \(name) names a user.")
            }
            return violations
        }
    }

    /// No event is larger than the operator allows.
    private static func sizes(_ world: World) -> [String] {
        world.broker.published.filter { $0.event.encoded.count > world.settings.eventLimit.bytes }.map {
            "\($0.event.event.type.rawValue) of \($0.event.event.lane.tenant) has \($0.event.encoded.count) bytes."
        }
    }

    /// An event over which the channel is closed does not make others be published repeatedly: if nothing else went wrong, each arrives at
    /// most twice, once with the others under way and once alone.
    private static func repetitions(_ world: World) -> [String] {
        let harmless: Set<Fault> = [
            .channelClosed, .callNotSent, .callHung, .answerLost, .answerGarbled, .lateCommit, .tooManyRequests, .serverError,
        ]
        guard world.broker.closes > 0, Set(world.faults.counts.filter { $0.value > 0 }.keys).isSubset(of: harmless) else { return [] }
        var counts: [String: Int] = [:]
        for published in world.broker.published { counts[published.event.event.id, default: 0] += 1 }
        return counts.filter { $0.value > 2 }.keys.sorted().map { "Event \($0) was published \(counts[$0] ?? 0) times." }
    }

    /// No service of a plan exists twice in Autotask.
    private static func duplicates(_ portal: Portal, _ world: World) -> [String] {
        Set(portal.tenants.map(\.databaseID)).sorted().flatMap { id -> [String] in
            let markers = (world.network.autotask.database(id)?.services ?? []).compactMap { $0["internalID"]?.string }.filter {
                !$0.isEmpty
            }
            return markers.count == Set(markers).count ? [] : ["Database \(id) holds a service twice."]
        }
    }

    /// No service in Autotask is bound to two services: of one tenant, or of tenants who share a database.
    private static func links(_ portal: Portal, _ world: World) -> [String] {
        let lanes = Dictionary(grouping: world.disk.tables.lanes) { $0.state.connection?.databaseID }
        return lanes.keys.compactMap(\.self).sorted().flatMap { database -> [String] in
            let linked = (lanes[database] ?? []).flatMap { $0.state.bindings.compactMap(\.autotaskServiceID) }
            return linked.count == Set(linked).count ? [] : ["A service of database \(database) is linked twice."]
        }
    }

    /// Autotask matches the last plan of each tenant.
    private static func finalServices(of tenant: Portal.Tenant, _ portal: Portal, _ world: World) -> [String] {
        guard let last = portal.published.last(where: { $0.tenant == tenant.id && $0.product == tenant.product && $0.kind == "sync" })
        else { return [] }
        let lane = TenantID(tenant.id).map { Lane(tenant: $0, product: tenant.product) }
        let end = lane.flatMap { lastSync(of: $0, portal, world) }
        guard end?.event.event.type == .syncSucceeded else {
            // A real portal publishes the connect again.
            if let lane, lastConnectMayBeRepeated(of: lane, portal, world) { return [] }
            if foundLaneFull(end) { return [] }
            return ["The last sync of \(tenant.id) ended in \(end?.event.event.type.rawValue ?? "nothing")."]
        }
        let services = world.network.autotask.database(tenant.databaseID)?.services ?? []
        return (last.data["services"]?.array ?? []).compactMap { service in
            let found = services.filter { $0["name"] == service["name"] }
            let price = found.first?["unitPrice"].flatMap { json -> Money? in
                guard case .number(let text) = json else { return nil }
                return Money(jsonNumber: text)
            }
            guard found.count == 1, price == service["unitPrice"]?.string.flatMap(Money.init(contract:)) else {
                return "\(service["name"]?.string ?? "?") is not in Autotask as it was last synced."
            }
            return nil
        }
    }

    /// How the last sync that a lane's tenant published has ended.
    private static func lastSync(of lane: Lane, _ portal: Portal, _ world: World) -> ModelBroker.Published? {
        let last = portal.published.last { $0.tenant == lane.tenant.description && $0.product == lane.product && $0.kind == "sync" }
        return world.broker.published.last { $0.event.event.jobID?.description == last?.id && $0.event.isTerminal }
    }

    /// In a lane with a small limit, while no worker lives, the last sync is requested again.
    private static func foundLaneFull(_ end: ModelBroker.Published?) -> Bool {
        end?.event.event.type == .jobRejected && end?.event.event.failureCode == ErrorCode.laneFull.rawValue
    }

    /// Whether the last connect ended in an error after which the portal may publish it again: a worker died in each call, or a worker with
    /// a wrong clock saw a deadline as passed or a pause as still in force. The worker then has a password that Autotask no longer accepts.
    private static func lastConnectMayBeRepeated(of lane: Lane, _ portal: Portal, _ world: World) -> Bool {
        let counts = world.faults.counts
        guard [Fault.clockStepped, .poisonJob, .poisonMessage].contains(where: { counts[$0, default: 0] > 0 }) else { return false }
        let connect = portal.published.last {
            $0.tenant == lane.tenant.description && $0.product == lane.product && $0.kind == "connect"
        }
        let end = world.broker.published.last { $0.event.event.jobID?.description == connect?.id && $0.event.isTerminal }
        guard let event = end?.event.event, event.type == .connectionFailed else { return false }
        return event.failureCode.flatMap(ErrorCode.init(rawValue:))?.properties.isRetryable == true
    }

    /// Between the receipt of a reset and the next connect nothing is written, except for calls already in progress at Autotask.
    private static func writesAfterReset(of tenant: Portal.Tenant, _ portal: Portal, _ world: World) -> [String] {
        let jobs = portal.published.filter { $0.tenant == tenant.id && $0.product == tenant.product }
        // A worker whose clock is too far ahead takes over from live workers, even during a call.
        let isTakenFromLiving = world.faults.counts[.clockStepped, default: 0] > 0
        return jobs.indices.filter { jobs[$0].kind == "reset" }.compactMap { index in
            let reset = jobs[index]
            guard
                let receipt = world.broker.published.first(where: {
                    $0.event.event.jobID?.description == reset.id && $0.event.event.type == .integrationReset
                })
            else { return nil }
            // With two consumers, a connect from before the reset may have been accepted after it.
            let order = world.disk.tables.jobs.first { $0.job.id.description == reset.id && $0.lane.tenant.description == tenant.id }?.job
                .order
            let accepted = world.disk.tables.jobs.filter { tenant.owns($0.lane) && $0.job.order > order ?? .max }
            if jobs[..<index].contains(where: { old in accepted.contains { $0.job.kind == .connect && $0.job.id.description == old.id } }) {
                return nil
            }
            let next = jobs[index...].first { $0.kind == "connect" }?.moment ?? Int.max
            let written = world.network.writes.contains {
                $0.username == tenant.username && !$0.isLate && $0.moment > receipt.moment && $0.moment < next
                    && !(isTakenFromLiving && $0.begun <= receipt.at)
            }
            return written ? "Something was written for \(tenant.id) after the receipt of \(reset.id)." : nil
        }
    }
}

extension World {
    /// Whether a lane is held for a requested job: scheduled checks never end.
    fileprivate func isWorkedOn(_ lane: ModelTables.LaneRow) -> Bool {
        !lane.hold.isFree && !disk.tables.jobs.contains { $0.job.order == lane.hold.running && $0.job.isScheduled }
    }
}
