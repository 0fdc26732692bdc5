import Contract
import Store

/// An operator's pauses.
extension World {
    private static let operatorUser = AuditActor.systemUser(0)

    /// Pauses some jobs for a while. The operator often ends it early.
    func pauseJobs() {
        let tenant = TenantID("msp-\(draw(1...4))")!
        let kinds = JobKind.allCases
        let scopes: [PauseScope] = [
            .all, .tenant(tenant), .tenant(tenant), .lane(Lane(tenant: tenant, product: .workplace)), .database(Int64(draw(1...3))),
            .zone("webservices\(draw(1...3))"), .kind(kinds[draw(0...kinds.count - 1)]), .kind(.sync),
        ]
        let scope = scopes[draw(0...scopes.count - 1)]
        let length = Duration.milliseconds(draw(1...90_000))
        timeline.note(time.now, "operator", "pauses \(scope) for \(length)")
        let pause = change { [time] in
            $0.pause(PauseOrder(scope, because: "a simulation", until: time.now + length), by: World.operatorUser, at: time.now)
        }
        guard let pause, draw(0...1) == 0 else { return }
        SimulatedProcess("operator", on: scheduler).run { [self] in
            await self.pause(upTo: 60_000)
            end(pause.id)
        }
    }

    func endPauses() { for pause in disk.tables.pauses(at: time.now) { end(pause.id) } }

    private func end(_ id: Int64) {
        timeline.note(time.now, "operator", "ends the pause \(id)")
        _ = change { [time] in $0.endPause(id, by: World.operatorUser, at: time.now) }
    }

    func change<Value: Sendable>(_ body: @Sendable (inout ModelTables) -> Value?) -> Value? {
        (try? disk.commit({ tables throws(StoreError) in body(&tables) }, observer: nil)) ?? nil
    }
}
