import AutotaskModel
import Contract
import Store
import Synchronization

/// The tenants' actions in a run: each publishes jobs, one after the other, without waiting for their ends.
final class Portal: Sendable {
    /// A tenant with one of its products.
    struct Tenant: Sendable {
        let id: String
        let username: String
        let databaseID: Int64
        var product = Product.workplace

        func owns(_ lane: Lane) -> Bool { lane.tenant.description == id && lane.product == product }
    }

    /// A job that the broker confirmed.
    struct Published: Sendable {
        var tenant: String
        var product: Product
        var id: String
        var kind: String
        var data: JSON
        /// Its position in the order of the whole run.
        var moment: Int
        /// Its `time`.
        var at: Timestamp
        /// Whether its id was used again for another payload.
        var isContested = false
    }

    private struct State {
        var jobs: [Published] = []
        var lastRevision: Int64 = 0
    }

    /// The plan that each tenant syncs last: its sync settles unresolved writes of other plans.
    static let concludedPlan = "plan"

    let tenants: [Tenant]
    /// A tenant that only publishes a job that kills its worker.
    let poisonTenant: Tenant?
    /// A tenant that publishes far more jobs than its lane may hold, and is never connected.
    let floodingTenant: Tenant?
    /// Whether a message is published that kills the worker that reads it.
    let hasPoisonMessage: Bool
    private let world: World
    private let state = Mutex(State())

    init(_ world: World) {
        self.world = world
        let count = world.draw(1...4)
        // The fourth tenant shares the first one's database, and so does the first one's other product.
        let sharing = Tenant(id: "msp-1", username: "user-1-files", databaseID: 1, product: .fileProtection)
        tenants =
            (1...count).map { Tenant(id: "msp-\($0)", username: "user-\($0)", databaseID: $0 == 4 ? 1 : Int64($0)) }
            + (world.draw(0...2) == 0 ? [sharing] : [])
        poisonTenant = world.draw(0...9) == 0 ? Tenant(id: "msp-9", username: World.poisonUser, databaseID: 9) : nil
        floodingTenant = world.draw(0...19) == 0 ? Tenant(id: "msp-8", username: "user-8", databaseID: 8) : nil
        hasPoisonMessage = world.draw(0...9) == 0
        world.network.count { [tenants, disk = world.disk] username in
            guard let tenant = tenants.first(where: { $0.username == username }) else { return 0 }
            return disk.tables.audit.rows.count {
                $0.entry.action == AuditEntry.Action.writeSent.rawValue && $0.entry.tenant == tenant.id
                    && $0.entry.product == tenant.product.rawValue
            }
        }
        world.network.observe { [tenants, disk = world.disk] database, service in
            let lanes = tenants.filter { $0.databaseID == database }
            return Set(
                disk.tables.jobs.lazy.filter { row in lanes.contains { $0.owns(row.lane) } }.compactMap { $0.event?.event }
                    .filter { $0.reportsSynced(service) }.map(\.id)
            )
        }
        world.network.watchPauses { [tenants, disk = world.disk, faults = world.faults] username in
            // A worker that was taken for dead may still make a call, for a lane in which another job runs now.
            let confusions: [Fault] = [.workerStopped, .clockStepped, .clockWrong, .storeSlow]
            guard let tenant = tenants.first(where: { $0.username == username }),
                confusions.allSatisfy({ faults.counts[$0, default: 0] == 0 }), let id = TenantID(tenant.id)
            else { return [] }
            return disk.tables.breachedPauses(of: Lane(tenant: id, product: tenant.product)).map {
                "\(username) made a call in a job that began under the pause \($0.id) of \($0.scope)."
            }
        }
        world.network.autotask.change { state in
            for tenant in tenants {
                state.users[tenant.username] = .init(secret: "right", integrationCode: World.integrationCode, databaseID: tenant.databaseID)
                guard state.databases[tenant.databaseID] == nil else { continue }
                var database = FakeAutotask.Database(host: "webservices\(tenant.databaseID).autotask.net")
                database.hasUniqueNames = world.draw(0...1) == 0
                database.collation = world.draw(0...1) == 0 ? .all : .caseInsensitive
                database.hidesCosts = world.draw(0...3) == 0
                database.hiddenCost = world.draw(0...1) == 0 ? .null : .number("0.0")
                database.services = Portal.foreignIDs.map(Portal.foreignService)
                state.databases[tenant.databaseID] = database
            }
        }
    }

    /// Services that a person made by hand.
    private static let foreignIDs: [Int64] = [11, 12]

    private static func foreignService(_ id: Int64) -> JSONObject {
        [
            "id": JSON(id), "name": .string("By hand \(id)"), "unitPrice": .number("1.0"), "unitCost": .number("0.5"),
            "billingCodeID": 29_683_001, "periodType": 2, "isActive": true, "internalID": "",
        ]
    }

    var published: [Published] { state.withLock { $0.jobs } }

    // MARK: Actions of tenants

    /// A tenant's actions while faults occur.
    func act(_ tenant: Tenant) async {
        publish("connect", for: tenant, connect(tenant))
        for _ in 0..<world.draw(1...5) {
            await world.pause(upTo: 40_000)
            if world.faults.strikes(.passwordChanged) { changePassword(of: tenant) }
            switch world.draw(0...9) {
            case 0: publish("billing-codes", for: tenant, [:])
            case 1: publish("reset", for: tenant, ["confirm": true])
            case 2: publish("connect", for: tenant, connect(tenant))
            case 3: publish("connect", for: tenant, connect(tenant, secret: "wrong"))
            case 4: publish("diagnose", for: tenant, [:])
            case 5: await publishTogether(tenant)
            case 6: publish("preview", for: tenant, plan(tenant))
            default: publish("sync", for: tenant, plan(tenant))
            }
        }
    }

    /// Syncs of one plan at the same time: with revisions in any order, and without. Sometimes a reset is among them.
    private func publishTogether(_ tenant: Tenant) async {
        let planID = world.draw(0...2) == 0 ? Portal.concludedPlan : "plan-2"
        let isReset = world.draw(0...3) == 0
        for number in 1...world.draw(2...5) {
            publish("sync", for: tenant, plan(tenant, id: planID, revision: anyRevision()))
            if number > 1 || isReset { await world.pause(upTo: 3) }
            if number == 1, isReset { publish("reset", for: tenant, ["confirm": true]) }
        }
    }

    private func anyRevision() -> Int64? {
        guard world.draw(0...2) > 0 else { return nil }
        return max(nextRevision() - Int64(world.draw(0...4)), 0)
    }

    /// Publishes the job and message that kill workers, at random moments.
    func actPoisonously() async {
        await world.pause(upTo: 60_000)
        if let poisonTenant { publish("connect", for: poisonTenant, connect(poisonTenant, secret: "right")) }
        await world.pause(upTo: 60_000)
        if hasPoisonMessage { world.publishPoison() }
    }

    /// Syncs of many plans, some repeated, and sometimes another job: more than a small lane holds, and sometimes more than any lane.
    func flood() async {
        guard let tenant = floodingTenant else { return }
        await world.pause(upTo: 60_000)
        for number in 1...(world.draw(0...9) == 0 ? world.draw(1100...1300) : world.draw(10...60)) {
            switch world.draw(0...99) {
            case 0: publish("reset", for: tenant, ["confirm": true])
            case 1...5: publish("billing-codes", for: tenant, [:])
            case 6...9: publish("verify", for: tenant, [:])
            default: publish("sync", for: tenant, plan(tenant, id: "flood-\(world.draw(0...9) == 0 ? 1 : number)", revision: anyRevision()))
            }
            if number.isMultiple(of: 100) { await world.pause(upTo: 2000) }
        }
    }

    /// A tenant's last actions, once everything works again: it reaches the wanted state. It uses another password, because an old refusal
    /// may be remembered for long if clocks were set.
    func conclude(_ tenant: Tenant) {
        changePassword(of: tenant)
        publish("connect", for: tenant, connect(tenant))
        publish("sync", for: tenant, plan(tenant, revision: nextRevision(), isLast: true))
    }

    private func changePassword(of tenant: Tenant) {
        let secret = "right-\(world.draw(1...1_000_000))"
        world.timeline.note(world.time.now, "autotask", "the password of \(tenant.username) is changed")
        world.network.autotask.change { $0.users[tenant.username]?.secret = secret }
    }

    // MARK: Jobs

    private func publish(_ kind: String, for tenant: Tenant, _ data: JSON) {
        let id = state.withLock { "\(kind)-\($0.jobs.count + 1)" }
        var data = data
        if tenant.product != .workplace {
            var members = data.object ?? [:]
            members["product"] = .string(tenant.product.rawValue)
            data = .object(members)
        }
        let message = message(kind, id, tenant, data)
        let moment = world.timeline.note(world.time.now, "portal", "\(id) of \(tenant.id)")
        world.broker.enqueue(message)
        if world.faults.strikes(.duplicatePublish) { world.broker.enqueue(message) }
        var published = Published(
            tenant: tenant.id,
            product: tenant.product,
            id: id,
            kind: kind,
            data: data,
            moment: moment,
            at: world.time.now
        )
        if kind == "sync", world.faults.strikes(.otherPayload) {
            published.isContested = true
            world.timeline.note(world.time.now, "portal", "\(id) of \(tenant.id) again, as another job")
            // Either may be the one that counts if two consumers take messages: so neither asks for anything else.
            var other = data.object ?? [:]
            other["note"] = "another"
            world.broker.enqueue(self.message(kind, id, tenant, .object(other)))
        }
        state.withLock { $0.jobs.append(published) }
    }

    private func message(_ kind: String, _ id: String, _ tenant: Tenant, _ data: JSON) -> JobMessage {
        var envelope: JSONObject = [
            "specversion": "1.0", "id": .string(id), "source": "/portal", "type": .string("autotask.job.\(kind)"),
            "subject": .string(tenant.id), "time": .string(world.time.now.description), "data": data,
        ]
        envelope["traceparent"] = SimulatedTraces.traceparent(of: id).map { .string($0) }
        // The last job of a run must run; at other times a job may expire soon or never.
        if !world.faults.isOver, tenant.id != poisonTenant?.id, world.draw(0...9) == 0 {
            envelope["expirytime"] = .string((world.time.now + .seconds(world.draw(0...90))).description)
        }
        return JobMessage(routingKey: "\(kind).\(tenant.id)", userID: "portal", body: JSON.object(envelope).encoded)
    }

    private func connect(_ tenant: Tenant, secret: String? = nil) -> JSON {
        let secret = secret ?? world.network.autotask.user(tenant.username)?.secret ?? "right"
        return [
            "firstConfiguredAt": "2020-01-01T00:00:00Z",
            "credentials": ["username": .string(tenant.username), "secret": .string(secret)],
        ]
    }

    private func nextRevision() -> Int64 {
        state.withLock { state in
            state.lastRevision += 1
            return state.lastRevision
        }
    }

    /// A plan of one to four services, with random names and prices. Omitted services are retired. Some plans are older than others.
    private func plan(_ tenant: Tenant) -> JSON {
        plan(tenant, revision: max(nextRevision() - Int64(world.draw(0...9) == 0 ? 3 : 0), 0))
    }

    /// - Parameters:
    ///   - id: each plan has services of its own.
    ///   - isLast: whether it must be synced: then its names were never used before, and nothing is adopted.
    private func plan(_ tenant: Tenant, id: String = Portal.concludedPlan, revision: Int64?, isLast: Bool = false) -> JSON {
        let count = world.draw(1...4)
        // Some databases ignore this character that looks like a space.
        let endings = isLast ? [" at last"] : ["", " plus", " pro", "\u{200B}"]
        var names = (1...count).map {
            "Service \($0)\(endings[world.draw(0...endings.count - 1)]) of \(tenant.username)\(id == Portal.concludedPlan ? "" : " in \(id)")"
        }
        if world.draw(0...2) == 0 { names.append(names.removeFirst()) }
        let services = (1...count).map { number -> JSON in
            [
                "key": .string("s\(number)"), "type": "License", "period": "Monthly", "unitCost": "1.00",
                "name": .string(names[number - 1]),
                "unitPrice": .string("\(world.draw(2...9)).50"), "billingCodeId": 29_683_001,
            ]
        }
        let retired = (1...4).dropFirst(count).map { JSON.string("s\($0)") }
        let adopts = id == Portal.concludedPlan && !isLast && world.draw(0...4) == 0
        let adopted: JSON = adopts ? ["s1": JSON(Portal.foreignIDs[world.draw(0...1)])] : [:]
        var data: JSONObject = [
            "planId": .string(id), "adopt": adopted, "services": .array(services), "retired": .array(Array(retired)),
            "acknowledge": ["price_changed"], "acknowledgeRequired": ["price_changed"],
        ]
        if let revision { data["revision"] = JSON(revision) }
        return .object(data)
    }
}

extension Event {
    /// Whether a sync says that Autotask has a service as the plan wants it.
    fileprivate func reportsSynced(_ service: Int64) -> Bool {
        guard type == .syncSucceeded || type == .syncIncomplete, let members = try? JSON(parsing: data) else { return false }
        return members["services"]?.array?.contains { result in
            result["autotaskServiceId"]?.integer == service && result["status"] == "Synced" && result["outcome"] != "notAttempted"
                && (result["error"] ?? .null) == .null
        } ?? false
    }
}
