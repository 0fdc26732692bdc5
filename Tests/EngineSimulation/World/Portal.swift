import AutotaskModel
import Contract
import Synchronization

/// What tenants do in a run: each publishes jobs, one after the other, without waiting for their ends.
final class Portal: Sendable {
    struct Tenant: Sendable {
        let id: String
        let username: String
        let databaseID: Int64
    }

    /// A job that the broker confirmed.
    struct Published: Sendable {
        var tenant: String
        var id: String
        var kind: String
        var data: JSON
        /// Its place among everything that happened in the run.
        var moment: Int
    }

    let tenants: [Tenant]
    private let world: World
    private let jobs = Mutex<[Published]>([])

    init(_ world: World) {
        self.world = world
        let count = world.draw(1...4)
        tenants = (1...count).map { Tenant(id: "msp-\($0)", username: "user-\($0)", databaseID: $0 == 4 ? 1 : Int64($0)) }
        world.network.autotask.change { state in
            for tenant in tenants {
                state.users[tenant.username] = .init(secret: "right", integrationCode: World.integrationCode, databaseID: tenant.databaseID)
                state.databases[tenant.databaseID] = .init(host: "webservices\(tenant.databaseID).autotask.net")
            }
        }
    }

    var published: [Published] { jobs.withLock { $0 } }

    /// What a tenant does while things go wrong.
    func act(_ tenant: Tenant) async {
        publish("connect", for: tenant, connect(tenant))
        for _ in 0..<world.draw(1...5) {
            await world.pause(upTo: 40_000)
            switch world.draw(0...9) {
            case 0: publish("billing-codes", for: tenant, [:])
            case 1: publish("reset", for: tenant, ["confirm": true])
            case 2: publish("connect", for: tenant, connect(tenant))
            case 3: publish("connect", for: tenant, connect(tenant, secret: "wrong"))
            default: publish("sync", for: tenant, plan(tenant))
            }
        }
    }

    /// What a tenant does once everything works again: it ends as it wants to be.
    func conclude(_ tenant: Tenant) {
        publish("connect", for: tenant, connect(tenant))
        publish("sync", for: tenant, plan(tenant))
    }

    // MARK: Jobs

    private func publish(_ kind: String, for tenant: Tenant, _ data: JSON) {
        let id = jobs.withLock { "\(kind)-\($0.count + 1)" }
        let envelope: JSON = [
            "specversion": "1.0", "id": .string(id), "source": "/portal", "type": .string("autotask.job.\(kind)"),
            "subject": .string(tenant.id), "data": data,
        ]
        let message = JobMessage(routingKey: "\(kind).\(tenant.id)", userID: "portal", body: envelope.encoded)
        let moment = world.timeline.note(world.time.now, "portal", "\(id) of \(tenant.id)")
        jobs.withLock { $0.append(Published(tenant: tenant.id, id: id, kind: kind, data: data, moment: moment)) }
        world.broker.enqueue(message)
        if world.faults.strikes(.duplicatePublish) { world.broker.enqueue(message) }
    }

    private func connect(_ tenant: Tenant, secret: String = "right") -> JSON {
        [
            "firstConfiguredAt": "2020-01-01T00:00:00Z",
            "credentials": ["username": .string(tenant.username), "secret": .string(secret)],
        ]
    }

    /// A plan of one to four services, with names and prices as they come. What is left out is retired.
    private func plan(_ tenant: Tenant) -> JSON {
        let count = world.draw(1...4)
        let services = (1...count).map { number -> JSON in
            [
                "key": .string("s\(number)"), "type": "License", "period": "Monthly", "unitCost": "1.00",
                "name": .string("Service \(number)\(["", " plus", " pro"][world.draw(0...2)]) of \(tenant.id)"),
                "unitPrice": .string("\(world.draw(2...9)).50"), "billingCodeId": 29_683_001,
            ]
        }
        let retired = (1...4).dropFirst(count).map { JSON.string("s\($0)") }
        return ["planId": "plan", "services": .array(services), "retired": .array(Array(retired))]
    }
}
